{{ config(materialized=var('single_use')) }}

{# The file has no timestamp: a version is as old as the first load that saw it. #}
with source as (
    select *
    from {{ source('terraform', 'modules') }}
    where module_version is not null
),

renamed as (
    select
        -- strings
        {{ text_part('_source_file', "'/'", 2) }} as stated_service,
        module_key,
        module_version,
        max(module_source) as module_source,

        -- timestamps
        min(_loaded_at) as first_seen_at
    from source
    group by {{ text_part('_source_file', "'/'", 2) }}, module_key, module_version
)

select * from renamed
