-- One row per service and day on which the level of any of its factors changed, with all levels as digits
-- in the order of their names ('-' without data). days_back counts from the newest day.
with newest as (
    select max(scoring_date) as scoring_date, max(rubric_hash) as rubric_hash
    from fct_service_scores
    where is_latest
),

days as (
    select
        factors.service_id,
        date_diff('day', factors.scoring_date, newest.scoring_date) as days_back,
        string_agg(coalesce(rubric.part_ordinal::varchar, '-'), '' order by factors.factor) as levels
    from fct_service_score_factors as factors
    inner join newest on factors.rubric_hash = newest.rubric_hash
    left join rpt_rubric as rubric
        on rubric.part_kind = 'level' and factors.factor_level = rubric.part_name
    group by all
)

select *
from days
qualify levels is distinct from lag(levels) over (partition by service_id order by days_back desc)
order by service_id, days_back desc
