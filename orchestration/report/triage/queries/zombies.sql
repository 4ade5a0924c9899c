-- One row per open epic or overdue action item that nobody moves, with the reason to close it, and,
-- for an action item, the incidents that it should have prevented.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest),

epics as (
    select
        epics.*,
        candidates.decision,
        candidates.score as score_now,
        date_diff('day', epics.due_date, cast(moment.now as date)) as days_over,
        date_diff('day', coalesce(epics.updated_at, epics.opened_at), moment.now) as days_still
    from fct_epics as epics
    cross join moment
    left join rpt_promotion_candidates as candidates on epics.service_id = candidates.service_id
    where epics.is_open
),

incidents as (
    select
        postmortem_id,
        list({'id': incident_id, 'title': coalesce(incident_title, incident_id), 'url': incident_url,
            'day': triggered_at::date} order by triggered_at, incident_id) as incidents
    from fct_incidents
    where postmortem_id is not null
    group by postmortem_id
),

reasons as (
    select
        'epic' as kind,
        null as postmortem_id,
        service_id,
        coalesce(item_ref, epic_key) as ref,
        epic_title as title,
        epic_url as url,
        coalesce(owner, assignee_name) as owner,
        days_over,
        case
            when service_id is null or decision is null
                then 'no service known to paydown is behind it'
            when decision = 'close'
                then 'its service scores ' || score_now || ' and is below the bands'
            when days_over > 30 and days_still > 30
                then 'overdue by ' || days_over || ' days, and nothing has changed for ' || days_still
            when coalesce(owner, assignee_name) is null then 'nobody owns it'
        end as reason
    from epics
    union all
    select
        'action item',
        items.postmortem_id,
        items.service_id,
        ticket_ref,
        action_item_title,
        coalesce(ticket_url, postmortems.postmortem_url),
        items.owner,
        overdue_days,
        case
            when items.owner is null then 'nobody owns it, and it is overdue by ' || overdue_days || ' days'
            when ticket_ref is null
                then 'overdue by ' || overdue_days || ' days, and it never got a ticket'
            else 'overdue by ' || overdue_days || ' days'
        end
    from fct_action_items as items
    left join fct_postmortems as postmortems on items.postmortem_id = postmortems.postmortem_id
    where is_overdue and overdue_days > 30
)

select reasons.*, incidents.incidents, count(*) over () as total
from reasons
left join incidents on reasons.postmortem_id = incidents.postmortem_id
where reason is not null
order by kind desc, days_over desc nulls last, title
limit 10
