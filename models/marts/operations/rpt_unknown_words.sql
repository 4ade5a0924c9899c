{#
    Words that tools use and no seed knows, and services and teams in finance's files that the catalog
    doesn't, so that something is unknown which they would have told.
#}
with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

servicenow_incidents as (
    select * from {{ ref('stg_servicenow__incidents') }}
),

postmortems as (
    select *
    from {{ ref('stg_postmortems__postmortems') }}
    where status_word is not null and completed_at is null
),

finance as (
    select *
    from {{ ref('int_finance__amounts') }}
    where not is_known
),

known_statuses as (
    select * from {{ ref('postmortem_statuses') }}
),

known_states as (
    select * from {{ ref('servicenow_states') }}
),

severities as (
    select
        -- ids
        cast(
            incidents.source_name || ' priority ' || incidents.priority as varchar
        ) as unknown_word_id,

        -- strings
        cast(incidents.source_name as varchar) as source_name,
        cast('priority' as varchar) as field,
        cast(incidents.priority as varchar) as word,
        cast('seeds/severity_words.csv' as varchar) as add_to,
        cast(min(incidents.source_incident_id) as varchar) as example_id,

        -- numbers
        count(*) as record_count
    from incidents
    where incidents.priority is not null and incidents.severity_level is null
    group by incidents.source_name, incidents.priority
),

-- What no word settles is decided by the record's other fields, or is open for ever.
states as (
    select
        -- ids
        cast('servicenow state ' || incidents.source_status as varchar) as unknown_word_id,

        -- strings
        cast('servicenow' as varchar) as source_name,
        cast('state' as varchar) as field,
        cast(incidents.source_status as varchar) as word,
        cast('seeds/servicenow_states.csv' as varchar) as add_to,
        cast(min(incidents.source_incident_id) as varchar) as example_id,

        -- numbers
        count(*) as record_count
    from servicenow_incidents as incidents
    where
        incidents.source_status is not null
        and not exists (
            select 1
            from known_states
            where
                known_states.state_word in (
                    lower(trim(incidents.source_status_value)), lower(trim(incidents.source_status))
                )
        )
    group by incidents.source_status
),

-- They count as not complete.
statuses as (
    select
        -- ids
        cast('postmortem status ' || postmortems.status_word as varchar) as unknown_word_id,

        -- strings
        cast('postmortems' as varchar) as source_name,
        cast('status' as varchar) as field,
        cast(postmortems.status_word as varchar) as word,
        cast('seeds/postmortem_statuses.csv' as varchar) as add_to,
        cast(min(postmortems.postmortem_id) as varchar) as example_id,

        -- numbers
        count(*) as record_count
    from postmortems
    left join known_statuses on postmortems.status_word = known_statuses.status_word
    where known_statuses.status_word is null
    group by postmortems.status_word
),

units as (
    select
        -- ids
        cast('finance ' || finance.amount_kind || ' ' || finance.unit_id as varchar)
            as unknown_word_id,

        -- strings
        cast('finance' as varchar) as source_name,
        cast(case finance.amount_kind when 'toil' then 'team' else 'service' end as varchar)
            as field,
        cast(finance.unit_id as varchar) as word,
        cast('the catalog, as a name or an alias' as varchar) as add_to,
        cast(max(finance.amount_id) as varchar) as example_id,

        -- numbers
        count(*) as record_count
    from finance
    group by finance.amount_kind, finance.unit_id
)

select * from severities
union all
select * from states
union all
select * from statuses
union all
select * from units
