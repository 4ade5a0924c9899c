{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('jira', 'sweeps')) }} as documents
),

renamed as (
    select
        -- ids
        _source_file as file_name,

        -- timestamps
        swept_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
