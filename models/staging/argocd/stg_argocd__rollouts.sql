{{ config(materialized=var('single_use')) }}

{# The state of a rollout is as old as its newest condition. #}
with source as (
    select * from {{ source('argocd', 'rollouts') }}
),

renamed as (
    select
        -- ids
        namespace as object_namespace,
        name as object_name,
        resource_version,
        pod_hash,
        max(stable_hash) as stable_hash,

        -- strings
        max(service_name) as stated_service,
        max(epic_ref) as epic_ref,
        max(application_name) as application_name,
        max(phase) as phase,

        -- numbers
        max(step_index) as step_index,

        -- booleans
        max(case when is_aborted then 1 else 0 end) = 1 as is_aborted,
        max(case when background_analysis is not null then 1 else 0 end) = 1 as has_analysis,

        -- timestamps
        max(condition_changed_at) as seen_at
    from source
    group by namespace, name, resource_version, pod_hash
)

select * from renamed
where seen_at is not null
