{{ config(materialized=var('single_use')) }}

{# Not called source, as elsewhere: BigQuery would read that column as the entire row. #}
with landed as (
    select *
    from {{
        newest_version(source('paydown', 'syncs'), ['sync_id', 'stream'], ['finished_at'])
    }} as newest
),

renamed as (
    select
        -- ids
        sync_id,

        -- strings
        source as source_name,
        stream as stream_name,
        status as sync_status,
        message as sync_message,

        -- numbers
        records as landed_rows,
        source_count,
        requests as request_count,

        -- timestamps
        since as window_began_at,
        until as window_ended_at,
        started_at,
        finished_at,
        _loaded_at as loaded_at
    from landed
)

select * from renamed
