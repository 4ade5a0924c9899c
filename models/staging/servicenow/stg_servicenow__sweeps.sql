{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('servicenow', 'sweeps')) }} as documents
),

renamed as (
    select
        -- ids
        stream || ':' || part as sweep_id,

        -- strings
        stream as stream_name,
        part as part_name,
        table_name,

        -- numbers
        visible as visible_count,
        hidden as hidden_count,

        -- timestamps
        updated_since,
        created_since,
        created_before,
        swept_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
