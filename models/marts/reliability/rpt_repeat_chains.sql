with fingerprints as (
    select * from {{ ref('int_incidents__fingerprints') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

placed as (
    select
        fingerprints.*,
        settings.window_days,
        {{ in_window('fingerprints.triggered_at', 'settings.window_days') }} as is_in_window
    from fingerprints
    cross join settings
),

chained as (
    select
        placed.fingerprint,
        min(placed.service_id) as service_id,
        min(placed.window_days) as window_days,
        sum(case when placed.is_in_window then 1 else 0 end) as incident_count,
        sum(case when placed.is_in_window and placed.is_repeat then 1 else 0 end)
            as repeat_count,
        count(*) as total_count,
        min(placed.triggered_at) as first_seen_at,
        max(placed.triggered_at) as last_seen_at
    from placed
    group by placed.fingerprint
),

chains as (
    select
        -- ids
        cast(chained.fingerprint as varchar) as fingerprint,
        chained.service_id,
        services.team_id,

        -- strings
        coalesce(services.service_name, chained.service_id) as service_name,
        services.owner,

        -- numbers
        cast(chained.window_days as bigint) as window_days,
        cast(chained.incident_count as bigint) as incident_count,
        cast(chained.repeat_count as bigint) as repeat_count,
        cast(chained.total_count as bigint) as total_count,

        -- timestamps
        chained.first_seen_at,
        chained.last_seen_at
    from chained
    left join services on chained.service_id = services.service_id
    where chained.repeat_count > 0
)

select * from chains
