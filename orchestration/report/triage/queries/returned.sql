-- One row per delivered epic, the newest first, with what it returned so far.
select
    epic_id,
    service_id,
    epic_title,
    service_name,
    owner,
    budget_usd,
    cast(delivered_at as date) as delivered_on,
    verdict,
    before_days,
    after_days,
    before_count,
    after_count,
    expected_count,
    expected_low,
    expected_high,
    avoided_count,
    incident_cost_usd,
    saved_usd,
    saved_low_usd,
    saved_high_usd,
    quiet_days,
    false_alarm_share,
    placebo_count
from fct_epic_payback
where delivered_at is not null
order by delivered_at desc, epic_title
limit 6
