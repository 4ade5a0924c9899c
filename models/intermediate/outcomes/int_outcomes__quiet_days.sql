{{ config(materialized=var('single_use')) }}

{#
    How many more days without incidents would settle an inconclusive verdict: the first day of the
    next two years on which a count as low as the current one would be improbable.
#}
with verdicts as (
    select *
    from {{ ref('int_outcomes__verdicts') }}
    where
        not is_placebo
        and verdict in ('inconclusive', 'too early')
        and is_comparable
        and after_count is not null
        and after_count <= 100
        and expected_count > 0
        and metric in ('episodes', 'repeats')
),

counts as (
    select
        verdicts.study_metric_id,
        numbers.n,
        sum({{ count_log_coefficient('verdicts.size', 'numbers.n') }}) over (
            partition by verdicts.study_metric_id
            order by numbers.n
            rows between unbounded preceding and current row
        ) as log_coefficient
    from verdicts
    inner join {{ numbers(101) }} as numbers on verdicts.after_count >= numbers.n
),

days as (
    select
        verdicts.study_metric_id,
        verdicts.size,
        verdicts.significance_level,
        steps.n as quiet_days,
        verdicts.expected_count * (1 + steps.n / verdicts.after_days) as expected_count
    from verdicts
    cross join {{ numbers(731) }} as steps
),

probabilities as (
    select
        days.study_metric_id,
        days.quiet_days,
        days.significance_level,
        {{ exact_sum(
            count_probability(
                'counts.log_coefficient', 'days.size', 'days.expected_count', 'counts.n'
            ),
            12
        ) }} as p_low
    from days
    inner join counts on days.study_metric_id = counts.study_metric_id
    group by days.study_metric_id, days.quiet_days, days.significance_level
),

settled as (
    select
        probabilities.study_metric_id,
        min(probabilities.quiet_days) as quiet_days
    from probabilities
    where probabilities.p_low <= probabilities.significance_level
    group by probabilities.study_metric_id
)

select * from settled
