{{ config(materialized=var('single_use')) }}

{# If a window was requested again, only the newest response counts. #}
with source as (
    select
        slo_id,
        from_ts,
        to_ts,
        sampled_ms,
        interval_seconds,
        good,
        total,
        asked_at,
        _loaded_at,
        max(asked_at) over (partition by slo_id, from_ts) as newest_asked_at,
        row_number() over (
            partition by slo_id, from_ts, sampled_ms
            order by asked_at desc, total desc, good desc, _load_id desc, _line desc
        ) as version_rank
    from {{ source('datadog', 'samples') }}
),

renamed as (
    select
        -- ids
        slo_id as source_slo_id,

        -- numbers
        from_ts as window_starts_epoch,
        to_ts as window_ends_epoch,
        cast(floor(sampled_ms / 1000) as bigint) as sampled_epoch,
        interval_seconds,
        good as good_events,
        total as total_events,

        -- timestamps
        asked_at,
        _loaded_at as loaded_at
    from source
    where version_rank = 1 and asked_at = newest_asked_at
)

select * from renamed
