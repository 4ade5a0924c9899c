-- One row per epic that opened with a budget in the last 31 days, whatever its state now.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest)

select
    epics.service_id,
    epics.service_name,
    coalesce(epics.item_ref, epics.epic_key) as epic_ref,
    epics.epic_title,
    epics.epic_url,
    coalesce(epics.owner, epics.assignee_name) as owner,
    epics.budget_usd,
    epics.estimate_days,
    epics.status_name,
    epics.is_open,
    epics.is_overdue,
    epics.due_date,
    cast(epics.opened_at as date) as opened_on
from fct_epics as epics
cross join moment
where epics.opened_at > moment.now - interval 31 day and not epics.is_deleted
order by epics.budget_usd desc nulls last, epics.opened_at
limit 8
