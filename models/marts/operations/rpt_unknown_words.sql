{#
    Words in tools that no seed knows, and services and teams in finance's files that the catalog
    lacks, so that something that they would have answered is unknown.
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

words as (
    select
        incidents.source_name,
        'priority' as field,
        incidents.priority as word,
        'seeds/severity_words.csv' as add_to,
        incidents.source_incident_id as record_id
    from incidents
    where incidents.priority is not null and incidents.severity_level is null

    union all

    -- Without a known word the record's other fields decide, or it stays open for ever.
    select
        'servicenow' as source_name,
        'state' as field,
        incidents.source_status as word,
        'seeds/servicenow_states.csv' as add_to,
        incidents.source_incident_id as record_id
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

    union all

    -- They count as incomplete.
    select
        'postmortems' as source_name,
        'status' as field,
        postmortems.status_word as word,
        'seeds/postmortem_statuses.csv' as add_to,
        postmortems.postmortem_id as record_id
    from postmortems
    left join known_statuses on postmortems.status_word = known_statuses.status_word
    where known_statuses.status_word is null
),

counted as (
    select
        -- ids
        cast(
            words.source_name || ' ' || words.field || ' ' || words.word as varchar
        ) as unknown_word_id,

        -- strings
        cast(words.source_name as varchar) as source_name,
        cast(words.field as varchar) as field,
        cast(words.word as varchar) as word,
        cast(words.add_to as varchar) as add_to,
        cast(min(words.record_id) as varchar) as example_id,

        -- numbers
        count(*) as record_count
    from words
    group by words.source_name, words.field, words.word, words.add_to
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

select * from counted
union all
select * from units
