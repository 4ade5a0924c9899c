-- One row per funding decision that was merged in the last 31 days, the newest first.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest)

select
    decisions.service_name,
    decisions.decision,
    decisions.amount_usd,
    decisions.decided_by,
    decisions.note,
    decisions.pull_request_url,
    cast(decisions.decided_at as date) as decided_on
from fct_funding_decisions as decisions
cross join moment
where decisions.is_current and decisions.decided_at > moment.now - interval 31 day
order by decisions.decided_at desc, decisions.service_name
limit 6
