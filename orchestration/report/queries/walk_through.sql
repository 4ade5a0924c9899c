-- One row: a service with incidents, drawn at random by the day, so that all readers of a page see the same.
select candidates.service_id, candidates.service_name, candidates.score, candidates.score_rank
from rpt_promotion_candidates as candidates
where candidates.members = '' and candidates.incident_count > 0
order by hash(candidates.service_id || candidates.scoring_date::varchar)
limit 1
