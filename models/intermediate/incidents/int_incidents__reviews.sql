{#
    One row per counted incident and interval in which the same was known of it: before its first
    postmortem, and from each postmortem to the next. So a past day can be computed from what was
    known on that day.
#}
{%- set stated_once = {
    'slo_burn_rate': 'max_burn_rate',
    'revenue_impact_usd': 'revenue_usd',
    'impact_started_at': 'impact_started_at',
} -%}

with classified as (
    select * from {{ ref('int_incidents__classified') }}
),

incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

services as (
    select * from {{ ref('int_incidents__services') }}
),

postmortems as (
    select * from {{ ref('int_incidents__postmortems') }}
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

first_known as (
    select
        postmortems.incident_id,
        min(postmortems.known_from) as first_known_from,
        max(case when postmortems.known_from is null then 1 else 0 end) as is_known_from_start
    from postmortems
    group by postmortems.incident_id
),

-- What a postmortem says was lost, and when the loss began, is recorded with one of its incidents:
-- the first of those for which it still says so.
reviewed as (
    select
        facts.current_service_id,
        postmortems.*,
        {%- for name, field in stated_once.items() %}
            case
                when
                    postmortems.incident_id = first_value(postmortems.incident_id) over (
                        partition by postmortems.{{ field }}_said_by
                        order by
                            case when postmortems.is_last then 0 else 1 end,
                            facts.triggered_at,
                            postmortems.incident_id
                        rows between unbounded preceding and current row
                    )
                    then postmortems.{{ field }}
            end as {{ name }}_once
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from postmortems
    inner join facts on postmortems.incident_id = facts.incident_id
),

versions as (
    select
        facts.incident_id,
        facts.current_service_id as service_id,
        cast(null as varchar) as causal_service_id,
        cast(null as varchar) as postmortem_id,
        cast(null as varchar) as failure_mode,
        cast(null as varchar) as regulations,
        cast(null as double precision) as users_share,
        cast(null as double precision) as estimate_days,
        cast(null as double precision) as slo_burn_rate,
        cast(null as double precision) as revenue_impact_usd,
        cast(null as boolean) as is_ai_code_without_tests,
        first_known.incident_id is null as is_last,
        cast(null as timestamp) as impact_started_at,
        cast(null as timestamp) as known_from,
        first_known.first_known_from as known_until
    from facts
    left join first_known on facts.incident_id = first_known.incident_id
    where coalesce(first_known.is_known_from_start, 0) = 0
    union all
    select
        reviewed.incident_id,
        coalesce(reviewed.causal_service_id, reviewed.current_service_id) as service_id,
        reviewed.causal_service_id,
        reviewed.postmortem_id,
        reviewed.failure_mode,
        reviewed.regulations,
        reviewed.users_share,
        reviewed.estimate_days,
        reviewed.slo_burn_rate_once as slo_burn_rate,
        reviewed.revenue_impact_usd_once as revenue_impact_usd,
        reviewed.is_ai_code_without_tests,
        reviewed.is_last,
        reviewed.impact_started_at_once as impact_started_at,
        reviewed.known_from,
        reviewed.known_until
    from reviewed
)

select
    versions.incident_id
    || ' from ' || coalesce(cast(versions.known_from as varchar), 'the beginning') as review_id,
    versions.*
from versions
