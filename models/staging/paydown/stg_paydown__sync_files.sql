{{ config(materialized=var('single_use')) }}

{# Not called source, as elsewhere: BigQuery would read that column as the entire row. #}
with landed as (
    select *
    from {{ newest_version(source('paydown', 'sync_files'), ['sync_id', 'file'], []) }} as newest
),

renamed as (
    select
        -- ids
        sync_id,

        -- strings
        source as source_name,
        stream as stream_name,
        file as file_name,
        sha256 as file_sha256,

        -- numbers
        records as landed_rows,

        -- timestamps
        _loaded_at as loaded_at
    from landed
)

select * from renamed
