-- One row per open epic, overdue ones first, and per epic that opens with this run.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest),

open_epics as (
    select
        epics.epic_key,
        epics.service_id,
        epics.epic_title,
        epics.service_name,
        coalesce(epics.owner, epics.assignee_name) as owner,
        epics.status_name,
        epics.epic_url,
        epics.due_date,
        epics.is_overdue,
        epics.budget_usd,
        epics.story_count,
        epics.done_story_count,
        date_diff('day', epics.due_date, moment.now::date) as days_over,
        case
            when epics.opened_at > moment.now - interval 7 day then 'opened this week'
            when epics.updated_at > moment.now - interval 7 day
                then 'changed on ' || strftime(epics.updated_at, '%Y-%m-%d')
            else 'no change this week'
        end as changed,
        false as is_new
    from fct_epics as epics
    cross join moment
    where epics.is_open
),

opening as (
    select
        null as epic_key,
        candidates.service_id,
        candidates.service_name as epic_title,
        candidates.service_name,
        candidates.owner,
        'opens with this run' as status_name,
        null as epic_url,
        candidates.due_date,
        false as is_overdue,
        candidates.budget_usd,
        null as story_count,
        null as done_story_count,
        null as days_over,
        'promoted now' as changed,
        true as is_new
    from rpt_epic_decisions as decisions
    inner join rpt_promotion_candidates as candidates
        on decisions.service_id = candidates.service_id
    where decisions.epic_action = 'open'
)

select * from open_epics
union all by name
select * from opening
order by is_overdue desc, due_date nulls last, epic_title
