{#
    Words that tools use and no seed knows, so that something is unknown which they would have told.
#}
with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
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
)

select * from severities
