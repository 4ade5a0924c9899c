-- One row per service or shared fix, best rank first, with what was decided and what an epic needs.
with open_epics as (
    select
        service_id,
        arg_max(epic_key, coalesce(opened_at, timestamp '1970-01-01')) as epic_key,
        arg_max(epic_url, coalesce(opened_at, timestamp '1970-01-01')) as epic_url
    from fct_epics
    where is_open
    group by service_id
)

select
    candidates.service_id,
    candidates.lead_service_id,
    candidates.service_name,
    candidates.members,
    candidates.shared_fix_id,
    candidates.band,
    candidates.decision,
    candidates.missing_fields,
    candidates.owner,
    candidates.current_maturity,
    candidates.target_maturity,
    list_filter(
        [
            if(coalesce(candidates.owner, '') = '', 'owner', null),
            if(candidates.budget_usd is null, 'budget', null),
            if(candidates.exit_criteria != '', null, 'exit_criteria')
        ],
        lambda field: field is not null
    ) as needs,
    candidates.factor_changes,
    candidates.risk_ids,
    candidates.slo_chart_url,
    candidates.score_rank,
    candidates.score,
    candidates.score_delta,
    scores.lowest_score,
    scores.highest_score,
    candidates.estimate_days,
    candidates.budget_usd,
    candidates.incident_count,
    candidates.review_decision,
    candidates.review_decided_on,
    candidates.review_hold_until,
    candidates.review_reason,
    stability.same_band_share,
    stability.best_rank,
    stability.worst_rank,
    scores.is_band_held,
    candidates.due_date,
    scores.band_entered_on,
    decisions.section,
    decisions.epic_action,
    decisions.reason,
    open_epics.epic_key,
    open_epics.epic_url
from rpt_promotion_candidates as candidates
inner join fct_service_scores as scores
    on candidates.lead_service_id = scores.service_id and scores.is_latest
left join rpt_rank_stability as stability on candidates.lead_service_id = stability.service_id
left join rpt_epic_decisions as decisions on candidates.service_id = decisions.service_id
left join open_epics on candidates.service_id = open_epics.service_id
order by candidates.score_rank, candidates.service_name
