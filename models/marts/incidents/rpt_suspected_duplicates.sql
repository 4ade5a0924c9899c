{#
    Incidents of two tools that may be one outage: the same service, nearly the same time, the same
    words in the title. No key proves it, so both count; people decide, by naming one in the other
    (correlation id, alias) or merging them.
#}
with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

-- Pieces of time as long as the gap: closer incidents lie in the same one or the next.
placed as (
    select
        counted.*,
        ' ' || counted.title_key || ' ' as title_words,
        cast(
            floor(
                {{ seconds_between("cast('1970-01-01' as timestamp)", 'counted.triggered_at') }}
                / (60.0 * {{ var('duplicate_gap_minutes') }})
            ) as bigint
        ) as piece
    from counted
    where counted.title_key is not null
),

pairs as (
    select
        one.incident_id,
        other.incident_id as other_incident_id,
        one.service_id,
        one.incident_title,
        other.incident_title as other_incident_title,
        one.source_name,
        other.source_name as other_source_name,
        one.incident_url,
        other.incident_url as other_incident_url,
        abs({{ seconds_between('one.triggered_at', 'other.triggered_at') }}) as seconds_apart,
        one.triggered_at,
        other.triggered_at as other_triggered_at
    from placed as one
    cross join {{ numbers(3) }} as steps
    inner join placed as other
        on
            one.service_id = other.service_id
            and one.piece + steps.n - 1 = other.piece
            and one.source_name < other.source_name
    where
        abs({{ seconds_between('one.triggered_at', 'other.triggered_at') }})
        <= 60 * {{ var('duplicate_gap_minutes') }}
        -- One title may say more than the other.
        and (
            {{ dbt.position('one.title_words', 'other.title_words') }} > 0
            or {{ dbt.position('other.title_words', 'one.title_words') }} > 0
        )
),

suspected as (
    select
        -- ids
        cast(pairs.incident_id || ' = ' || pairs.other_incident_id as varchar) as suspicion_id,
        cast(pairs.incident_id as varchar) as incident_id,
        cast(pairs.other_incident_id as varchar) as other_incident_id,
        cast(pairs.service_id as varchar) as service_id,
        cast(services.team_id as varchar) as team_id,

        -- strings
        cast(coalesce(services.service_name, pairs.service_id) as varchar) as service_name,
        cast(services.owner as varchar) as owner,
        cast(pairs.incident_title as varchar) as incident_title,
        cast(pairs.other_incident_title as varchar) as other_incident_title,
        cast(pairs.source_name as varchar) as source_name,
        cast(pairs.other_source_name as varchar) as other_source_name,
        cast(pairs.incident_url as varchar) as incident_url,
        cast(pairs.other_incident_url as varchar) as other_incident_url,

        -- numbers
        cast(pairs.seconds_apart as bigint) as seconds_apart,

        -- timestamps
        pairs.triggered_at,
        pairs.other_triggered_at
    from pairs
    left join services on pairs.service_id = services.service_id
)

select * from suspected
