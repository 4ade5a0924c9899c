{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('calendar', 'report_windows')) }} as documents
),

renamed as (
    select
        -- numbers
        window_days,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
