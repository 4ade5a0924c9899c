-- One row per SLO with the error budget of its period.
select
    service_id, slo_name, objective, budget_spent, budget_remaining, alert_level, is_estimated,
    burn_measured_at
from rpt_slo_budget
order by service_id, budget_remaining
