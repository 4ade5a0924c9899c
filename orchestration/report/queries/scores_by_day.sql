-- One row per service with its score on each of the last 90 days, oldest first.
select
    service_id,
    list(score order by scoring_date) as scores,
    min(scoring_date) as first_day
from fct_service_scores
where scoring_date > (select max(scoring_date) from fct_service_scores) - 90
group by service_id
