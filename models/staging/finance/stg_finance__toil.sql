{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('finance', 'toil')) }} as documents
),

renamed as (
    select
        -- strings
        team as team_name,
        _source_file as file_name,

        -- numbers
        hours as toil_hours,

        -- timestamps
        cast({{ dbt.date_trunc('week', 'week') }} as date) as week_starts_on,
        _loaded_at as loaded_at
    from source
)

select * from renamed
