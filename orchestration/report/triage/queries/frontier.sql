-- One row per share of the quarter's engineer-days: what fits it of rpt_funding_plan, in that plan's order of value per
-- engineer-day, what waits, and what waiting is expected to cost until the next quarter ends.
with capacity as (
    select
        sum(engineer_days) as engineer_days,
        sum(committed_days + done_days) filter (where engineer_days is not null) as taken_days,
        count(engineer_days) as team_count,
        count(*) - count(engineer_days) as unknown_team_count
    from rpt_capacity
),

shares as (
    select share, engineer_days * share as planned_days, capacity.*
    from capacity
    cross join unnest([0.18, 0.20, 0.25]) as listed (share)
    where team_count > 0
),

placed as (
    select
        shares.*,
        plan.* exclude (engineer_days, unknown_team_count),
        case when plan.estimate_days > 0 then plan.cumulative_days <= shares.planned_days end as fits
    from shares
    left join rpt_funding_plan as plan on true
)

select
    share,
    planned_days,
    taken_days,
    team_count,
    unknown_team_count,
    max(horizon_days) as horizon_days,
    count(*) filter (where fits) as fitting_count,
    coalesce(sum(estimate_days) filter (where fits), 0) as fitting_days,
    coalesce(sum(budget_usd) filter (where fits), 0) as fitting_usd,
    count(*) filter (where not fits) as waiting_count,
    string_agg(service_name, ', ' order by plan_rank) filter (where not fits) as waiting_names,
    sum(expected_cost_usd) filter (where not fits) as waiting_cost_usd,
    string_agg(service_name, ', ' order by plan_rank)
        filter (where fits is null and candidate_id is not null) as unestimated_names
from placed
group by share, planned_days, taken_days, team_count, unknown_team_count
order by share
