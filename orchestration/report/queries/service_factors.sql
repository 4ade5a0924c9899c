-- One row per scored service and factor of the newest day.
select
    factors.service_id,
    factors.factor,
    factors.factor_level,
    coalesce(explanations.line, factors.evidence) as evidence,
    factors.weight,
    factors.raw_value,
    factors.points,
    factors.has_data
from fct_service_score_factors as factors
inner join fct_service_scores as scores on factors.score_id = scores.score_id and scores.is_latest
left join rpt_score_explanations as explanations
    on
        factors.service_id = explanations.service_id
        and explanations.section = 'factor'
        and factors.factor = explanations.label
