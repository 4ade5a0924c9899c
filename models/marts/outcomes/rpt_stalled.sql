{#
    What waits, since when, and for whom: reviews, decisions and epics of incidents, longest first.
#}
with funnel as (
    select *
    from {{ ref('fct_funnel') }}
    where outcome = 'in progress' and waiting_on is not null and waiting_on != 'time'
),

epics as (
    select * from {{ ref('fct_epics') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

grouped as (
    select
        coalesce(funnel.epic_id, funnel.postmortem_id, funnel.incident_id) as waiting_id,
        funnel.stage,
        funnel.reason,
        funnel.waiting_on,
        min(funnel.incident_id) as incident_id,
        min(funnel.service_id) as service_id,
        min(funnel.team_id) as team_id,
        min(funnel.service_name) as service_name,
        min(funnel.owner) as owner,
        min(funnel.severity_level) as severity_level,
        count(*) as incident_count,
        min(funnel.waiting_since) as waiting_since
    from funnel
    group by
        coalesce(funnel.epic_id, funnel.postmortem_id, funnel.incident_id),
        funnel.stage,
        funnel.reason,
        funnel.waiting_on
),

stalled as (
    select
        -- ids
        cast(grouped.waiting_id || ' ' || grouped.reason || ' ' || grouped.waiting_on as varchar)
            as stalled_id,
        cast(grouped.waiting_id as varchar) as waiting_id,
        grouped.service_id,
        grouped.team_id,

        -- strings
        cast(
            case grouped.stage
                when 'occurred' then 'incident'
                when 'promoted' then 'epic'
                when 'funded' then 'epic'
                else 'postmortem'
            end as varchar
        ) as waiting_kind,
        grouped.service_name,
        grouped.owner,
        grouped.stage,
        grouped.reason,
        grouped.waiting_on,
        cast(
            coalesce(epics.epic_url, postmortems.postmortem_url, incidents.incident_url) as varchar
        ) as waiting_url,

        -- numbers
        cast(grouped.severity_level as bigint) as severity_level,
        cast(grouped.incident_count as bigint) as incident_count,
        cast(
            floor(
                {{ seconds_between('grouped.waiting_since', as_of()) }}
                / 86400.0
            ) as bigint
        ) as waiting_days,

        -- timestamps
        grouped.waiting_since
    from grouped
    left join epics on grouped.waiting_id = epics.epic_id
    left join postmortems on grouped.waiting_id = postmortems.postmortem_id
    left join incidents on grouped.incident_id = incidents.incident_id
)

select * from stalled
