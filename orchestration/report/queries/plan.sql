-- One row per step of the 30/60/90-day plan.
select step, verdict, unit, due_day, measured_count, needed_count
from rpt_plan_30_60_90
order by step_number
