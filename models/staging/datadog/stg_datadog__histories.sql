with source as (
    select *
    from {{ newest_version(source('datadog', 'histories'), ['slo_id', 'from_ts'], ['asked_at']) }}
        as newest
),

renamed as (
    select
        -- ids
        slo_id as source_slo_id,

        -- numbers
        from_ts as window_starts_epoch,
        to_ts as window_ends_epoch,
        sli_value as sli_percent,

        -- timestamps
        asked_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
