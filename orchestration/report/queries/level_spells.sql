-- One row per service and day on which anything changed that a level depends on. `codes`: one character per factor, in the
-- order of their names: how many of its cuts the value reaches (0 to 9, A to Z, a to z); without a value its level
-- (".,;:" for none to high) or "-"; then, as a hex digit, what else bends levels: 4 times the least level of the burn,
-- 2 where exposed data raises a level, 1 where few incidents cap the MTTR. days_back counts from the newest day.
with newest as (
    select max(scoring_date) as scoring_date, max(rubric_hash) as rubric_hash
    from fct_service_scores
    where is_latest
),

coded as (
    select
        factors.service_id,
        factors.factor,
        date_diff('day', factors.scoring_date, newest.scoring_date) as days_back,
        4 * coalesce(factors.level_at_least, 0) + 2 * coalesce(factors.level_raised_by, 0)
        + (coalesce(factors.level_at_most, 3) = 2)::integer as bent,
        case
            when factors.raw_value is null
                then coalesce(substr('.,;:', levels.part_ordinal + 1, 1), '-')
            else
                substr(
                    '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
                    1 + len(list_filter(cuts.cuts, lambda cut: cut <= factors.raw_value)),
                    1
                )
        end as code
    from fct_service_score_factors as factors
    inner join newest on factors.rubric_hash = newest.rubric_hash
    inner join threshold_cuts as cuts on factors.factor = cuts.factor
    left join rpt_rubric as levels
        on levels.part_kind = 'level' and factors.factor_level = levels.part_name
),

days as (
    select
        service_id,
        days_back,
        string_agg(code, '' order by factor)
        || substr('0123456789abcdef', 1 + sum(bent)::integer, 1) as codes
    from coded
    group by service_id, days_back
)

select *
from days
qualify codes is distinct from lag(codes) over (partition by service_id order by days_back desc)
order by service_id, days_back desc
