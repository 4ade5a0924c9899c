-- The points of each newest score, most first.
select factors.*
from fct_service_score_factors as factors
inner join fct_service_scores as scores on factors.score_id = scores.score_id and scores.is_latest
order by factors.service_id, abs(factors.points) desc nulls last, abs(factors.weight) desc, factors.factor
