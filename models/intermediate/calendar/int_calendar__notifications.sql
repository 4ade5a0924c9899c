{{ config(materialized=var('single_use')) }}

with log_entries as (
    select * from {{ ref('stg_pagerduty__log_entries') }}
),

users as (
    select * from {{ ref('stg_pagerduty__users') }}
),

time_zones as (
    select * from {{ ref('time_zones') }}
),

-- As in the intervals of an incident: the resolves before an entry identify its interval.
placed as (
    select
        log_entries.source_incident_id,
        log_entries.user_id,
        log_entries.user_name,
        log_entries.log_entry_type,
        log_entries.logged_at,
        sum(case when log_entries.log_entry_type = 'resolve_log_entry' then 1 else 0 end)
            over (
                partition by log_entries.source_incident_id
                order by log_entries.logged_at, log_entries.log_entry_id
                rows between unbounded preceding and current row
            ) as stretch_number
    from log_entries
    where
        log_entries.log_entry_type in ('notify_log_entry', 'resolve_log_entry')
        and log_entries.logged_at <= {{ as_of() }}
),

-- Further messages to the same person, by other channels or because nobody answered, are no new
-- page; a reopened incident is.
paged as (
    select
        placed.source_incident_id,
        placed.user_id,
        placed.stretch_number,
        max(placed.user_name) as user_name,
        count(*) as message_count,
        min(placed.logged_at) as paged_at
    from placed
    where
        placed.log_entry_type = 'notify_log_entry'
        and placed.user_id is not null
    group by placed.source_incident_id, placed.user_id, placed.stretch_number
),

notifications as (
    select
        'pagerduty:' || paged.source_incident_id || '/' || paged.user_id || '/'
        || cast(paged.stretch_number as varchar) as page_id,
        'pagerduty:' || paged.source_incident_id as incident_id,
        'pagerduty:' || paged.user_id as responder_id,
        coalesce(users.user_name, paged.user_name) as responder_name,
        -- A zone that no warehouse knows counts as none.
        time_zones.zone_name as responder_time_zone,
        paged.message_count,
        paged.paged_at
    from paged
    left join users on paged.user_id = users.source_user_id
    left join time_zones on users.time_zone = time_zones.time_zone
)

select * from notifications
