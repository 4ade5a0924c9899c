{{ config(materialized=var('single_use')) }}

with source as (
    select * from {{ source('argocd', 'rollout_steps') }}
),

renamed as (
    select
        -- ids
        namespace as object_namespace,
        name as object_name,
        resource_version,

        -- numbers
        step_ordinal,
        max(weight) as weight,

        -- booleans
        max(case when analysis is not null then 1 else 0 end) = 1 as has_analysis
    from source
    group by namespace, name, resource_version, step_ordinal
)

select * from renamed
