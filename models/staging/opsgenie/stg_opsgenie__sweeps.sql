{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('opsgenie', 'sweeps')) }} as documents
),

renamed as (
    select
        -- strings
        kind as record_kind,
        window_name,

        -- numbers
        record_count,

        -- timestamps
        since_at,
        until_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
