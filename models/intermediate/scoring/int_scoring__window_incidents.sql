{# The incidents behind the newest score, and behind the score a week earlier. #}
select
    windows.scoring_date,
    windows.service_id,
    windows.incident_id,
    windows.triggered_at,
    windows.is_repeat,
    windows.active_seconds,
    windows.postmortem_id,
    windows.failure_mode,
    windows.slo_burn_rate,
    windows.revenue_impact_usd,
    windows.users_share,
    windows.estimate_days,
    windows.is_regulatory,
    windows.is_ai_code_without_tests
from {{ ref('int_scoring__windows') }} as windows
where windows.days_back in (0, 7)
