-- One row per epic that was closed in the last 31 days, newest first, with what it returned so far.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest)

select
    epics.epic_key, epics.epic_title, epics.service_id, epics.service_name, epics.status_name,
    epics.epic_url, epics.owner, epics.budget_usd, epics.closed_at::date as closed_on,
    payback.verdict, payback.before_count, payback.after_count, payback.expected_count
from fct_epics as epics
cross join moment
left join fct_epic_payback as payback on epics.epic_id = payback.epic_id
where not epics.is_open and epics.closed_at > moment.now - interval 31 day
order by epics.closed_at desc
