{{ config(materialized=var('single_use')) }}

{# If a window was requested again, only the newest response counts. #}
with source as (
    select
        slo_id,
        from_ts,
        to_ts,
        changed_ts,
        state,
        asked_at,
        _loaded_at,
        max(asked_at) over (partition by slo_id, from_ts) as newest_asked_at,
        row_number() over (
            partition by slo_id, from_ts, changed_ts
            order by asked_at desc, state desc, _load_id desc, _line desc
        ) as version_rank
    from {{ source('datadog', 'transitions') }}
),

renamed as (
    select
        -- ids
        slo_id as source_slo_id,

        -- numbers
        from_ts as window_starts_epoch,
        to_ts as window_ends_epoch,
        changed_ts as changed_epoch,
        state,

        -- timestamps
        asked_at,
        _loaded_at as loaded_at
    from source
    where version_rank = 1 and asked_at = newest_asked_at
)

select * from renamed
