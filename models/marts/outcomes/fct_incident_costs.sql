{#
    What an incident cost: revenue, where its postmortem states it or the catalog says what an hour
    without the service costs, and the hours of the people who responded, at their team's day rate.
    Each part says where it comes from; unknown is empty, not 0.
#}
with incidents as (
    select * from {{ ref('fct_incidents') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

capacity as (
    select * from {{ ref('stg_modernization__capacity') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

pages as (
    select * from {{ ref('fct_pages') }}
),

responders as (
    select
        pages.incident_id,
        count(distinct pages.responder_id) as responder_count
    from pages
    where pages.responder_id is not null
    group by pages.incident_id
),

joined as (
    select
        incidents.incident_id,
        incidents.service_id,
        incidents.team_id,
        incidents.service_name,
        incidents.owner,
        incidents.revenue_impact_usd,
        incidents.triggered_at,
        services.revenue_per_hour_usd,
        coalesce(teams.day_rate_usd, capacity.day_rate_usd) as day_rate_usd,
        -- What a postmortem says was lost is recorded with one of its incidents.
        postmortems.revenue_impact_usd is not null as is_stated_once,
        coalesce(responders.responder_count, 0) > 0 as is_notified,
        case
            when coalesce(responders.responder_count, 0) > 0 then responders.responder_count
            else 1
        end as responder_count,
        -- The worst severity is an outage; for others only a known share of users was affected.
        coalesce(
            incidents.users_share, case when incidents.severity_level = 1 then 1 end
        ) as hit_share,
        cast(incidents.active_seconds as double precision) / 3600 as active_hours
    from incidents
    left join services on incidents.service_id = services.service_id
    left join teams on incidents.team_id = teams.team_id
    left join capacity on true
    left join postmortems on incidents.postmortem_id = postmortems.postmortem_id
    left join responders on incidents.incident_id = responders.incident_id
),

valued as (
    select
        joined.*,
        case
            when joined.revenue_impact_usd is not null then 'stated'
            when joined.is_stated_once then 'stated at another incident'
            when
                joined.revenue_per_hour_usd is not null
                and joined.hit_share is not null
                and joined.active_hours is not null
                then 'estimated'
            else 'unknown'
        end as revenue_source,
        case
            when joined.revenue_impact_usd is not null then joined.revenue_impact_usd
            when joined.is_stated_once then 0
            else joined.revenue_per_hour_usd * joined.hit_share * joined.active_hours
        end as lost_usd,
        -- Nobody works on it for more than eight hours a day.
        joined.responder_count * case
            when joined.active_hours < 8 * ceil(joined.active_hours / 24)
                then joined.active_hours
            else 8 * ceil(joined.active_hours / 24)
        end as responder_hours
    from joined
),

costs as (
    select
        -- ids
        valued.incident_id,
        valued.service_id,
        valued.team_id,

        -- strings
        valued.service_name,
        valued.owner,
        cast(valued.revenue_source as varchar) as revenue_source,
        cast(
            case
                when valued.active_hours is null then 'unknown'
                when valued.is_notified then 'responders known'
                else 'one responder assumed'
            end as varchar
        ) as labor_source,

        -- numbers
        cast(valued.responder_count as bigint) as responder_count,
        cast(valued.responder_hours as double precision) as responder_hours,
        cast(valued.lost_usd as double precision) as revenue_impact_usd,
        cast(valued.responder_hours * valued.day_rate_usd / 8 as double precision)
            as labor_usd,
        cast(
            case
                when valued.lost_usd is not null or valued.responder_hours is not null
                    then
                        coalesce(valued.lost_usd, 0)
                        + coalesce(valued.responder_hours * valued.day_rate_usd / 8, 0)
            end as double precision
        ) as cost_usd,

        -- booleans
        -- Everything counted was stated or measured.
        valued.revenue_source not in ('stated', 'stated at another incident')
        or not valued.is_notified as is_estimated,

        -- timestamps
        cast({{ dbt.date_trunc('quarter', 'valued.triggered_at') }} as date)
            as quarter_starts_on,
        valued.triggered_at
    from valued
)

select * from costs
