{#
    One row per epic or placebo and metric: how unlikely the outcome would be without the epic. The
    count afterwards is negative binomial with the size and mean of the expectation; its
    probabilities are running products, k = 0, 1, 2, ..., because not every warehouse has a gamma
    function.
#}
with expectations as (
    select * from {{ ref('int_outcomes__expectations') }}
),

-- The test as registered when the epic opened, and its result.
cases as (
    select
        expectations.study_metric_id,
        'observed' as case_kind,
        expectations.size,
        expectations.expected_count,
        expectations.after_count,
        expectations.significance_level
    from expectations
    where expectations.is_comparable and expectations.after_count is not null
    union all
    select
        expectations.study_metric_id,
        'registered' as case_kind,
        expectations.registered_size as size,
        expectations.registered_count as expected_count,
        0 as after_count,
        expectations.significance_level
    from expectations
    where expectations.is_comparable and not expectations.is_placebo
),

-- At least nine tenths lie below three deviations above the mean (Cantelli).
bounded as (
    select
        cases.*,
        greatest(
            cases.after_count,
            ceil(
                cases.expected_count + 1 + 3 * sqrt(
                    cases.expected_count
                    + coalesce(
                        cases.expected_count * cases.expected_count / cases.size, 0
                    )
                )
            )
        ) as highest_count
    from cases
    where cases.expected_count > 0
),

numbers as (
    select numbers.n
    from {{ numbers(10000) }} as numbers
    where numbers.n <= (select max(bounded.highest_count) from bounded)
),

coefficients as (
    select
        bounded.*,
        numbers.n,
        sum({{ count_log_coefficient('bounded.size', 'numbers.n') }}) over (
            partition by bounded.study_metric_id, bounded.case_kind
            order by numbers.n
            rows between unbounded preceding and current row
        ) as log_coefficient
    from bounded
    inner join numbers on bounded.highest_count >= numbers.n
    where bounded.highest_count < 10000
),

cumulated as (
    select
        coefficients.study_metric_id,
        coefficients.case_kind,
        coefficients.after_count,
        coefficients.significance_level,
        coefficients.n,
        sum(
            {{ count_probability(
                'coefficients.log_coefficient',
                'coefficients.size',
                'coefficients.expected_count',
                'coefficients.n'
            ) }}
        ) over (
            partition by coefficients.study_metric_id, coefficients.case_kind
            order by coefficients.n
            rows between unbounded preceding and current row
        ) as share_up_to
    from coefficients
),

probabilities as (
    select
        cumulated.study_metric_id,
        max(
            case
                when cumulated.case_kind = 'observed' and cumulated.n = cumulated.after_count
                    then cumulated.share_up_to
            end
        ) as p_low,
        max(
            case
                when cumulated.case_kind = 'observed' and cumulated.n < cumulated.after_count
                    then cumulated.share_up_to
            end
        ) as share_below,
        max(case when cumulated.case_kind = 'observed' then 1 else 0 end) as is_observed,
        min(
            case
                when cumulated.case_kind = 'observed' and cumulated.share_up_to >= 0.1
                    then cumulated.n
            end
        ) as expected_low,
        min(
            case
                when cumulated.case_kind = 'observed' and cumulated.share_up_to >= 0.9
                    then cumulated.n
            end
        ) as expected_high,
        -- The highest count afterwards that would still be called improved.
        max(
            case
                when
                    cumulated.case_kind = 'registered'
                    and cumulated.share_up_to <= cumulated.significance_level
                    then cumulated.n
            end
        ) as provable_count
    from cumulated
    group by cumulated.study_metric_id
),

judged as (
    select
        expectations.*,
        probabilities.p_low,
        case
            when probabilities.is_observed = 1
                then greatest(1 - coalesce(probabilities.share_below, 0), 0)
        end as p_high,
        probabilities.expected_low,
        probabilities.expected_high,
        probabilities.provable_count
    from expectations
    left join probabilities
        on expectations.study_metric_id = probabilities.study_metric_id
),

verdicts as (
    select
        judged.*,
        case
            when not judged.is_comparable then 'no comparison'
            when
                judged.after_days is null or judged.after_days < {{ var('payback_min_days') }}
                then 'too early'
            when judged.p_low is null then 'no comparison'
            when judged.p_low <= judged.significance_level then 'improved'
            when judged.p_high <= judged.significance_level then 'worse'
            else 'inconclusive'
        end as verdict
    from judged
)

select * from verdicts
