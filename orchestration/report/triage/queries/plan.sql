-- One row per candidate, in the order in which the carve-out is spent.
select plan.*, teams.team_name
from rpt_funding_plan as plan
left join rpt_capacity as teams on plan.team_id = teams.team_id
order by plan.plan_rank
