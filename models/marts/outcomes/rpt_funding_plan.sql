{#
    What fits a carve-out of 15, 20 and 25 % of all engineer-days of the quarter, by value per
    engineer-day, and what a "no" is expected to cost until the next quarter ends, if incidents
    continue as in the last 90 days.
#}
with candidates as (
    select *
    from {{ ref('rpt_promotion_candidates') }}
    where band != 'close_as_hygiene' and decision != 'shared'
),

costs as (
    select * from {{ ref('fct_incident_costs') }}
),

capacity as (
    select * from {{ ref('rpt_capacity') }}
),

available as (
    select
        {{ exact_sum('capacity.engineer_days') }} as engineer_days,
        count(*) - count(capacity.engineer_days) as unknown_team_count
    from capacity
),

horizon as (
    select
        cast({{ seconds_between(
            as_of(),
            'cast(' ~ dbt.dateadd('month', 6, dbt.date_trunc('quarter', as_of())) ~ ' as timestamp)'
        ) }} as double precision) / 86400 as horizon_days
),

recent as (
    select
        costs.service_id,
        count(*) as incident_count,
        {{ exact_sum('costs.cost_usd') }} as cost_usd,
        {{ exact_sum('costs.responder_hours') }} as responder_hours
    from costs
    where
        costs.triggered_at > {{ time_after(as_of(), -90, 'day') }}
        and costs.triggered_at <= {{ as_of() }}
    group by costs.service_id
),

valued as (
    select
        candidates.*,
        horizon.horizon_days,
        coalesce(recent.incident_count, 0) * horizon.horizon_days / 90 as expected_incident_count,
        recent.responder_hours * horizon.horizon_days / 90 as expected_hours,
        recent.cost_usd * horizon.horizon_days / 90 as expected_cost_usd
    from candidates
    cross join horizon
    left join recent on candidates.lead_service_id = recent.service_id
),

ranked as (
    select
        valued.*,
        valued.expected_cost_usd / nullif(valued.estimate_days, 0) as value_per_day_usd,
        row_number() over (
            order by
                case when valued.estimate_days > 0 then 0 else 1 end,
                coalesce(valued.expected_cost_usd / nullif(valued.estimate_days, 0), 0) desc,
                valued.score_rank,
                valued.service_id
        ) as plan_rank
    from valued
),

summed as (
    select
        ranked.*,
        sum(ranked.estimate_days) over (
            order by ranked.plan_rank
            rows between unbounded preceding and current row
        ) as cumulative_days
    from ranked
),

plan as (
    select
        -- ids
        cast(summed.service_id as varchar) as candidate_id,
        cast(summed.lead_service_id as varchar) as service_id,
        summed.team_id,

        -- strings
        summed.service_name,
        summed.owner,
        cast(summed.decision as varchar) as decision,

        -- numbers
        cast(summed.plan_rank as bigint) as plan_rank,
        cast(summed.score as bigint) as score,
        cast(summed.estimate_days as double precision) as estimate_days,
        cast(summed.budget_usd as double precision) as budget_usd,
        cast(summed.value_per_day_usd as double precision) as value_per_day_usd,
        cast(summed.cumulative_days as double precision) as cumulative_days,
        cast(available.engineer_days as double precision) as engineer_days,
        cast(available.unknown_team_count as bigint) as unknown_team_count,
        cast(summed.expected_incident_count as double precision) as expected_incident_count,
        cast(summed.expected_hours as double precision) as expected_hours,
        cast(summed.expected_cost_usd as double precision) as expected_cost_usd,
        cast(summed.horizon_days as double precision) as horizon_days,

        -- booleans
    {%- for share in ['15', '20', '25'] %}
        case
            when summed.estimate_days > 0
                then summed.cumulative_days <= available.engineer_days * 0.{{ share }}
        end as fits_{{ share }}_percent
        {{- ',' if not loop.last }}
    {%- endfor %}
    from summed
    cross join available
)

select * from plan
