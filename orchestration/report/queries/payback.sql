-- One row per epic with what it returned so far, the newest first, with the error rate of the same test.
select
    service_id, epic_title, service_name, owner, verdict, before_days, before_count, after_days,
    after_count, expected_count, expected_low, expected_high, quiet_days, avoided_count, avoided_low,
    avoided_high, saved_usd, saved_low_usd, saved_high_usd, budget_usd, mttr_before_seconds,
    mttr_after_seconds, mttr_verdict, false_alarm_share, placebo_count,
    opened_at::date as opened_on, delivered_at::date as delivered_on
from fct_epic_payback
order by opened_at desc, epic_title
