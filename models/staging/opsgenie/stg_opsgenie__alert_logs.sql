with source as (
    select *
    from
        {{ newest_version(
            source('opsgenie', 'alert_logs'), ['alert_id', 'log_offset'], ['created_at']
        ) }} as newest
),

renamed as (
    select
        -- ids
        alert_id || '#' || log_offset as log_id,
        alert_id as source_alert_id,

        -- strings
        log_text,
        type as log_type,
        owner as actor_name,

        -- timestamps
        created_at as logged_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
