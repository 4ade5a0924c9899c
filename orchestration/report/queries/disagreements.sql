-- One row per service whose newest postmortem of the last 90 days disagrees with the rubric.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest),

newest as (
    select postmortems.*
    from fct_postmortems as postmortems
    cross join moment
    where
        postmortems.decision_action is not null
        and postmortems.completed_at > moment.now - interval 90 day
    qualify
        row_number() over (
            partition by postmortems.causal_service_id
            order by postmortems.completed_at desc, postmortems.postmortem_id desc
        ) = 1
)

select
    candidates.service_id,
    candidates.service_name,
    candidates.score,
    candidates.decision,
    newest.postmortem_id,
    newest.decision_action,
    newest.decision_epic_ref,
    newest.completed_at::date as completed_on
from rpt_promotion_candidates as candidates
inner join newest on candidates.lead_service_id = newest.causal_service_id
where
    case when candidates.decision = 'blocked' then 'promote' else candidates.decision end
    != newest.decision_action
order by candidates.score_rank, candidates.service_name
