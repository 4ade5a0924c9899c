{{ config(materialized=var('single_use')) }}

{# One row per version that Argo Rollouts delivered to users, with the canary steps it passed. #}
with rollouts as (
    select *
    from {{ ref('stg_argocd__rollouts') }}
    where seen_at <= {{ as_of() }}
),

steps as (
    select * from {{ ref('stg_argocd__rollout_steps') }}
),

-- A step is passed once the rollout is at a later one; all users have the version once it is
-- stable.
passed as (
    select
        rollouts.object_namespace,
        rollouts.object_name,
        rollouts.pod_hash,
        steps.weight,
        min(rollouts.seen_at) as passed_at
    from rollouts
    inner join steps
        on
            rollouts.object_namespace = steps.object_namespace
            and rollouts.object_name = steps.object_name
            and rollouts.resource_version = steps.resource_version
            and rollouts.step_index > steps.step_ordinal
    where steps.weight < 100 and not rollouts.is_aborted
    group by
        rollouts.object_namespace, rollouts.object_name, rollouts.pod_hash, steps.weight
    union all
    select
        rollouts.object_namespace,
        rollouts.object_name,
        rollouts.pod_hash,
        100 as weight,
        min(rollouts.seen_at) as passed_at
    from rollouts
    where
        rollouts.pod_hash = rollouts.stable_hash
        and lower(rollouts.phase) = 'healthy'
        and not rollouts.is_aborted
    group by rollouts.object_namespace, rollouts.object_name, rollouts.pod_hash
),

weights as (
    select
        passed.object_namespace,
        passed.object_name,
        passed.pod_hash,
        max(passed.weight) as reached_weight,
        min(case when passed.weight < 100 then passed.passed_at end) as canary_at,
        max(case when passed.weight = 100 then passed.passed_at end) as completed_at,
        {{ text_list(
            "cast(passed.weight as varchar) || ' %'", "', '", 'order by passed.weight'
        ) }} as passed_steps
    from passed
    group by passed.object_namespace, passed.object_name, passed.pod_hash
),

planned as (
    select
        listed.object_namespace,
        listed.object_name,
        listed.pod_hash,
        max(listed.has_analysis) as has_analysis,
        {{ text_list(
            "cast(listed.weight as varchar) || ' %'", "', '", 'order by listed.weight'
        ) }} as planned_steps
    from (
        select
            rollouts.object_namespace,
            rollouts.object_name,
            rollouts.pod_hash,
            steps.weight,
            max(case when steps.has_analysis then 1 else 0 end) as has_analysis
        from rollouts
        inner join steps
            on
                rollouts.object_namespace = steps.object_namespace
                and rollouts.object_name = steps.object_name
                and rollouts.resource_version = steps.resource_version
        group by
            rollouts.object_namespace, rollouts.object_name, rollouts.pod_hash, steps.weight
    ) as listed
    group by listed.object_namespace, listed.object_name, listed.pod_hash
),

versions as (
    select
        rollouts.object_namespace,
        rollouts.object_name,
        rollouts.pod_hash,
        max(rollouts.stated_service) as stated_service,
        max(rollouts.application_name) as application_name,
        max(rollouts.epic_ref) as epic_ref,
        max(case when rollouts.has_analysis then 1 else 0 end) as has_analysis,
        min(rollouts.seen_at) as started_at,
        min(case when rollouts.is_aborted then rollouts.seen_at end) as aborted_at
    from rollouts
    group by rollouts.object_namespace, rollouts.object_name, rollouts.pod_hash
),

joined as (
    select
        versions.object_namespace,
        versions.object_name,
        versions.pod_hash,
        versions.stated_service,
        coalesce(versions.application_name, versions.object_name) as application_name,
        versions.epic_ref,
        planned.planned_steps,
        weights.passed_steps,
        weights.reached_weight,
        coalesce(versions.has_analysis + planned.has_analysis, versions.has_analysis) > 0
            as has_analysis,
        versions.started_at,
        weights.canary_at,
        weights.completed_at,
        versions.aborted_at
    from versions
    left join weights
        on
            versions.object_namespace = weights.object_namespace
            and versions.object_name = weights.object_name
            and versions.pod_hash = weights.pod_hash
    left join planned
        on
            versions.object_namespace = planned.object_namespace
            and versions.object_name = planned.object_name
            and versions.pod_hash = planned.pod_hash
)

select * from joined
