-- One row per candidate above the bundle band or promoted by a review, the best ranked ten, with its case. A member of a
-- shared fix is in the fix's row.
with open_epics as (
    select
        service_id,
        arg_max(coalesce(item_ref, epic_key), coalesce(opened_at, timestamp '1970-01-01')) as epic_ref,
        arg_max(epic_url, coalesce(opened_at, timestamp '1970-01-01')) as epic_url
    from fct_epics
    where is_open
    group by service_id
)

select
    candidates.* replace (coalesce(decisions.decision, candidates.decision) as decision),
    decisions.reason,
    cases.* exclude (service_id, team_id, service_name, owner, incident_count, scoring_date),
    scores.lowest_score,
    scores.highest_score,
    stability.same_band_share,
    stability.scenario_count,
    stability.best_rank,
    stability.worst_rank,
    open_epics.epic_ref,
    open_epics.epic_url,
    funding.decision as funding_decision,
    funding.amount_usd,
    funding.pull_request_url,
    -- Days until the budget has come back, if what happened in the window would end altogether, or
    -- by half.
    candidates.budget_usd / nullif(cases.cost_usd, 0) * cases.window_days as payback_days_all,
    candidates.budget_usd / nullif(cases.cost_usd * 0.5, 0) * cases.window_days as payback_days_half
from rpt_promotion_candidates as candidates
inner join rpt_epic_case as cases on candidates.service_id = cases.service_id
inner join fct_service_scores as scores
    on candidates.lead_service_id = scores.service_id and scores.is_latest
left join rpt_rank_stability as stability on candidates.lead_service_id = stability.service_id
left join rpt_epic_decisions as decisions on candidates.service_id = decisions.service_id
left join fct_funding_decisions as funding
    on
        candidates.service_id = funding.candidate_id
        and coalesce(decisions.cycle_number, 1) = funding.cycle_number
        and funding.is_current
left join open_epics on candidates.service_id = open_epics.service_id
where coalesce(decisions.decision, candidates.decision) in ('promote', 'blocked', 'bundle')
order by candidates.score_rank, candidates.service_name
limit 10
