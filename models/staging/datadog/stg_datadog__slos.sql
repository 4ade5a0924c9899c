{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('datadog', 'slos')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_slo_id,

        -- strings
        name as slo_name,
        description as slo_description,
        type as slo_type,
        primary_timeframe,
        coalesce(tag_service, tag_k8s_name, tag_service_owner) as stated_service_name,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
