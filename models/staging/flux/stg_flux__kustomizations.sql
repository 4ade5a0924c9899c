{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ source('flux', 'kustomizations') }}
    where lower(condition_type) = 'ready' and revision is not null
),

renamed as (
    select
        -- ids
        namespace as object_namespace,
        name as object_name,

        -- strings
        revision,
        max(service_name) as stated_service,
        max(epic_ref) as epic_ref,

        -- booleans
        max(case when lower(condition_status) = 'true' then 1 else 0 end) = 1 as is_ready,

        -- timestamps
        min(condition_changed_at) as started_at,
        min(case when lower(condition_status) = 'true' then condition_changed_at end)
            as completed_at
    from source
    group by namespace, name, revision
)

select * from renamed
where started_at is not null
