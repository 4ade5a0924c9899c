{{ config(materialized=var('single_use')) }}

{# Exports overlap, so a deployment is in many; it was healthy if any of them says so. #}
with source as (
    select * from {{ source('argocd', 'deployments') }}
),

renamed as (
    select
        -- ids
        namespace as object_namespace,
        name as object_name,
        deployment_id,

        -- strings
        max(service_name) as stated_service,
        max(epic_ref) as epic_ref,
        max(revision) as revision,

        -- booleans
        max(case when health_status = 'Healthy' and revision = current_revision then 1 else 0 end)
        = 1 as is_healthy,

        -- timestamps
        min(deployed_at) as deployed_at
    from source
    group by namespace, name, deployment_id
)

select * from renamed
