-- One row per service or shared fix of the five that rank best, with what moved it.
select
    candidates.service_name, candidates.score_rank, candidates.score, candidates.score_delta,
    candidates.factor_changes, candidates.slo_chart_url, candidates.owner,
    coalesce(decisions.decision, candidates.decision) as decision,
    coalesce(epics.due_date, candidates.due_date) as due_date,
    case
        when scores.lowest_score < scores.highest_score
            then ', could be ' || scores.lowest_score || ' to ' || scores.highest_score
        else ''
    end as could_be
from rpt_promotion_candidates as candidates
left join fct_service_scores as scores
    on
        candidates.lead_service_id = scores.service_id
        and candidates.scoring_date = scores.scoring_date
left join rpt_epic_decisions as decisions on candidates.service_id = decisions.service_id
left join fct_epics as epics on candidates.service_id = epics.service_id and epics.is_open
where candidates.decision != 'shared'
order by candidates.score_rank, candidates.service_name
limit 5
