-- One row: the day and time of the page.
select
    max(scoring_date) as scoring_date,
    max(scoring_at) as scoring_at,
    max(rubric_hash) as rubric_hash,
    count(*) as service_count
from fct_service_scores
where is_latest
