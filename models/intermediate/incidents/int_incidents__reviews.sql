{#
    One row per counted incident and stretch of time in which the same was known of it: before its
    first postmortem, and from each postmortem to the next one. So a past day can be told as it was
    known on that day.
#}
with classified as (
    select * from {{ ref('int_incidents__classified') }}
),

incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

services as (
    select * from {{ ref('int_incidents__services') }}
),

links as (
    select * from {{ ref('int_postmortems__incident_links') }}
),

postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

facts as (
    select
        incidents.incident_id,
        services.service_id as current_service_id,
        incidents.triggered_at
    from incidents
    inner join classified on incidents.incident_id = classified.incident_id
    inner join services on incidents.incident_id = services.incident_id
    where classified.exclusion_reason is null
),

-- A postmortem may name one incident in two ways, by its number in each of two tools.
linked as (
    select distinct
        links.postmortem_id,
        links.incident_id
    from links
    where links.is_linked
),

-- Of several postmortems of an incident the one completed last tells of it. A postmortem without
-- a day of completion was known from the beginning.
ordered as (
    select
        facts.incident_id,
        facts.current_service_id,
        facts.triggered_at,
        linked.postmortem_id,
        postmortems.causal_service_id,
        postmortems.failure_mode,
        postmortems.completed_at as known_from,
        lead(postmortems.completed_at) over (
            partition by facts.incident_id
            order by
                case when postmortems.completed_at is null then 0 else 1 end,
                postmortems.completed_at,
                linked.postmortem_id desc
        ) as known_until,
        row_number() over (
            partition by facts.incident_id
            order by
                case when postmortems.completed_at is null then 0 else 1 end,
                postmortems.completed_at,
                linked.postmortem_id desc
        ) as review_number,
        count(*) over (partition by facts.incident_id) as review_count
    from facts
    inner join linked on facts.incident_id = linked.incident_id
    inner join postmortems on linked.postmortem_id = postmortems.postmortem_id
),

-- Postmortems of one moment: the last of them holds, the others never did.
effective as (
    select
        ordered.*,
        ordered.review_number = ordered.review_count as is_last
    from ordered
    where
        ordered.review_number = ordered.review_count
        or ordered.known_from < ordered.known_until
        or (ordered.known_from is null and ordered.known_until is not null)
),

first_known as (
    select
        effective.incident_id,
        min(effective.known_from) as first_known_from,
        sum(case when effective.known_from is null then 1 else 0 end) as undated_count
    from effective
    group by effective.incident_id
),

versions as (
    select
        facts.incident_id,
        facts.current_service_id as service_id,
        cast(null as varchar) as causal_service_id,
        cast(null as varchar) as postmortem_id,
        cast(null as varchar) as failure_mode,
        false as is_primary,
        cast(null as timestamp) as known_from,
        first_known.first_known_from as known_until,
        first_known.incident_id is null as is_last
    from facts
    left join first_known on facts.incident_id = first_known.incident_id
    where coalesce(first_known.undated_count, 0) = 0
    union all
    select
        effective.incident_id,
        coalesce(effective.causal_service_id, effective.current_service_id) as service_id,
        effective.causal_service_id,
        effective.postmortem_id,
        effective.failure_mode,
        -- What was lost counts once: at the first incident that this postmortem tells of last.
        row_number() over (
            partition by effective.postmortem_id
            order by
                case when effective.is_last then 0 else 1 end,
                effective.triggered_at,
                effective.incident_id
        ) = 1 as is_primary,
        effective.known_from,
        effective.known_until,
        effective.is_last
    from effective
)

select
    versions.incident_id
    || ' from ' || coalesce(cast(versions.known_from as varchar), 'the beginning') as review_id,
    versions.incident_id,
    versions.service_id,
    versions.causal_service_id,
    versions.postmortem_id,
    versions.failure_mode,
    versions.is_primary,
    versions.is_last,
    versions.known_from,
    versions.known_until
from versions
