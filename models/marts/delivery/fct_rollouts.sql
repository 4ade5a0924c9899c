{#
    What was rolled out, according to the tools that do it: the canary steps it passed, when all
    users had it, whether it was rolled back. Argo CD syncs are left out where the service has
    rollouts, which say more.
#}
with canaries as (
    select * from {{ ref('int_delivery__canaries') }}
),

deployments as (
    select *
    from {{ ref('stg_argocd__deployments') }}
    where deployed_at <= {{ as_of() }}
),

kustomizations as (
    select *
    from {{ ref('stg_flux__kustomizations') }}
    where started_at <= {{ as_of() }}
),

modules as (
    select *
    from {{ ref('stg_terraform__modules') }}
    where first_seen_at <= {{ as_of() }}
),

annotations as (
    select * from {{ ref('stg_backstage__annotations') }}
),

aliases as (
    select *
    from {{ ref('int_services__aliases') }}
    where alias_kind = 'name'
),

services as (
    select * from {{ ref('dim_services') }}
),

unioned as (
    select
        'argo_rollouts' as tool_name,
        canaries.object_namespace,
        canaries.object_name,
        canaries.pod_hash as revision,
        canaries.pod_hash as version_key,
        canaries.stated_service,
        canaries.application_name,
        canaries.epic_ref,
        canaries.planned_steps,
        canaries.passed_steps,
        canaries.reached_weight,
        canaries.has_analysis,
        canaries.started_at,
        canaries.canary_at,
        canaries.completed_at,
        canaries.aborted_at
    from canaries
    union all
    select
        'argocd' as tool_name,
        deployments.object_namespace,
        deployments.object_name,
        deployments.revision,
        deployments.deployment_id as version_key,
        deployments.stated_service,
        deployments.object_name as application_name,
        deployments.epic_ref,
        cast(null as varchar) as planned_steps,
        cast(null as varchar) as passed_steps,
        case when deployments.is_healthy then 100 end as reached_weight,
        false as has_analysis,
        deployments.deployed_at as started_at,
        cast(null as timestamp) as canary_at,
        case when deployments.is_healthy then deployments.deployed_at end as completed_at,
        cast(null as timestamp) as aborted_at
    from deployments
    union all
    select
        'flux' as tool_name,
        kustomizations.object_namespace,
        kustomizations.object_name,
        kustomizations.revision,
        kustomizations.revision as version_key,
        kustomizations.stated_service,
        kustomizations.object_name as application_name,
        kustomizations.epic_ref,
        cast(null as varchar) as planned_steps,
        cast(null as varchar) as passed_steps,
        case when kustomizations.is_ready then 100 end as reached_weight,
        false as has_analysis,
        kustomizations.started_at,
        cast(null as timestamp) as canary_at,
        case when kustomizations.completed_at <= {{ as_of() }} then kustomizations.completed_at end
            as completed_at,
        cast(null as timestamp) as aborted_at
    from kustomizations
    union all
    select
        'terraform' as tool_name,
        modules.stated_service as object_namespace,
        modules.module_key as object_name,
        modules.module_version as revision,
        modules.module_version as version_key,
        modules.stated_service,
        coalesce(modules.module_source, modules.module_key) as application_name,
        cast(null as varchar) as epic_ref,
        cast(null as varchar) as planned_steps,
        cast(null as varchar) as passed_steps,
        100 as reached_weight,
        false as has_analysis,
        modules.first_seen_at as started_at,
        cast(null as timestamp) as canary_at,
        modules.first_seen_at as completed_at,
        cast(null as timestamp) as aborted_at
    from modules
),

-- The catalog may name the application; else a label names the service, else the application's
-- name.
claimed as (
    select
        lower(trim(annotations.annotation_value)) as application_key,
        min(annotations.entity_ref) as service_id
    from annotations
    where annotations.annotation = 'argocd/app-name'
    group by lower(trim(annotations.annotation_value))
    having count(distinct annotations.entity_ref) = 1
),

matched as (
    select
        unioned.*,
        coalesce(claimed.service_id, stated.service_id, named.service_id) as service_id
    from unioned
    left join claimed on lower(unioned.application_name) = claimed.application_key
    left join aliases as stated on lower(trim(unioned.stated_service)) = stated.alias_value
    left join aliases as named on lower(unioned.object_name) = named.alias_value
),

canaried as (
    select distinct matched.service_id
    from matched
    where matched.tool_name = 'argo_rollouts' and matched.service_id is not null
),

ranked as (
    select
        matched.*,
        row_number() over (
            partition by matched.tool_name, matched.object_namespace, matched.object_name
            order by matched.started_at desc, matched.version_key desc
        ) = 1 as is_latest
    from matched
),

facts as (
    select
        -- ids
        cast(
            ranked.tool_name || ':' || ranked.object_namespace || '/' || ranked.object_name
            || '@' || ranked.version_key as varchar
        ) as rollout_id,
        ranked.service_id,
        services.team_id,
        cast(ranked.epic_ref as varchar) as epic_ref,

        -- strings
        cast(ranked.tool_name as varchar) as tool_name,
        cast(ranked.application_name as varchar) as application_name,
        cast(ranked.object_name as varchar) as object_name,
        cast(ranked.revision as varchar) as revision,
        services.service_name,
        services.owner,
        cast(
            case
                when ranked.completed_at is not null then 'completed'
                when ranked.aborted_at is not null then 'rolled back'
                when ranked.is_latest then 'under way'
                else 'replaced'
            end as varchar
        ) as rollout_state,
        cast(ranked.planned_steps as varchar) as planned_steps,
        cast(ranked.passed_steps as varchar) as passed_steps,

        -- numbers
        cast(coalesce(ranked.reached_weight, 0) as bigint) as reached_weight,

        -- booleans
        coalesce(ranked.planned_steps is not null, false) as is_canary,
        ranked.has_analysis as has_automated_rollback,
        ranked.is_latest,

        -- timestamps
        ranked.started_at,
        ranked.canary_at,
        ranked.completed_at,
        ranked.aborted_at
    from ranked
    left join services on ranked.service_id = services.service_id
    left join canaried on ranked.service_id = canaried.service_id
    where ranked.tool_name != 'argocd' or canaried.service_id is null
)

select * from facts
