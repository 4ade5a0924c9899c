-- When the newest scores were computed, and what the rubric's promotion needs.
select
    max(scoring_at) as scored_at,
    any_value(rubric_hash) as rubric_hash,
    (select count(*) from rpt_promotion_candidates where decision = 'promote') as promoted,
    (select count(*) from rpt_promotion_candidates where decision = 'blocked') as blocked,
    (select count(*) from rpt_unmatched_services) as unmatched
from fct_service_scores
where is_latest
