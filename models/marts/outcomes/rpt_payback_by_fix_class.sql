{#
    What single epics can't show: all delivered epics of a kind together, observed over expected.
    The sum of negative binomial counts is treated as one such count with the same mean and
    variance, and all trends as one, as if their errors were the same; the interval of the ratio
    holds the effects under which neither so few nor so many would be improbable (90 %; 95 % with
    fewer than thirty services), found on a grid and interpolated.
#}
with payback as (
    select *
    from {{ ref('fct_epic_payback') }}
    where verdict in ('improved', 'worse', 'inconclusive')
),

verdicts as (
    select *
    from {{ ref('int_outcomes__verdicts') }}
    where metric = 'episodes' and not is_placebo
),

fix_classes as (
    select * from {{ ref('int_outcomes__fix_classes') }}
),

placebo as (
    select *
    from {{ ref('rpt_payback_placebo') }}
    where period_name = 'all'
),

members as (
    select
        fix_classes.fix_class,
        payback.epic_id
    from payback
    inner join fix_classes on payback.epic_id = fix_classes.epic_id
    union all
    select
        'all' as fix_class,
        payback.epic_id
    from payback
),

pools as (
    select
        members.fix_class,
        count(*) as epic_count,
        sum(case when payback.verdict = 'improved' then 1 else 0 end) as improved_count,
        sum(case when payback.verdict = 'worse' then 1 else 0 end) as worse_count,
        sum(payback.after_count) as after_count,
        {{ exact_sum('payback.expected_count', 12) }} as expected_count,
        {{ exact_sum(
            'payback.expected_count * payback.expected_count'
            ~ ' * (1 / verdicts.size - verdicts.trend_variance)',
            12
        ) }} as rate_variance,
        -- One trend for all: its error is shared.
        {{ exact_sum('payback.expected_count * sqrt(verdicts.trend_variance)', 12) }}
            as trend_deviation,
        min(verdicts.significance_level) as significance_level,
        {{ exact_sum('payback.saved_usd') }} as saved_usd,
        {{ exact_sum('payback.budget_usd') }} as budget_usd
    from members
    inner join payback on members.epic_id = payback.epic_id
    inner join verdicts on payback.epic_id = verdicts.epic_id
    group by members.fix_class
),

sized as (
    select
        pools.*,
        pools.expected_count * pools.expected_count / (
            pools.rate_variance + pools.trend_deviation * pools.trend_deviation
        ) as size,
        case when pools.significance_level < 0.05 then 1.959964 else 1.644854 end
            as normal_quantile
    from pools
),

coefficients as (
    select
        sized.fix_class,
        sized.after_count,
        sized.size,
        sized.expected_count,
        sized.significance_level,
        numbers.n,
        sum({{ count_log_coefficient('sized.size', 'numbers.n') }}) over (
            partition by sized.fix_class
            order by numbers.n
            rows between unbounded preceding and current row
        ) as log_coefficient
    from sized
    inner join {{ numbers(1001) }} as numbers on sized.after_count >= numbers.n
    where sized.after_count <= 1000
),

-- From 1/150 to sevenfold; e^0 is no effect.
effects as (
    select
        steps.n as step,
        exp(0.01 * (steps.n - 500)) as effect
    from {{ numbers(701) }} as steps
),

trials as (
    select
        coefficients.fix_class,
        coefficients.after_count,
        coefficients.significance_level,
        coefficients.n,
        effects.step,
        {{ count_probability(
            'coefficients.log_coefficient',
            'coefficients.size',
            '(coefficients.expected_count * effects.effect)',
            'coefficients.n'
        ) }} as probability
    from coefficients
    cross join effects
),

probabilities as (
    select
        trials.fix_class,
        trials.significance_level,
        trials.step,
        {{ exact_sum('trials.probability', 12) }} as p_low,
        1 - {{ exact_sum(
            'case when trials.n < trials.after_count then trials.probability else 0 end', 12
        ) }} as p_high
    from trials
    group by trials.fix_class, trials.significance_level, trials.step
),

neighbours as (
    select
        probabilities.*,
        lag(probabilities.p_low) over (
            partition by probabilities.fix_class
            order by probabilities.step
        ) as previous_p_low,
        lag(probabilities.p_high) over (
            partition by probabilities.fix_class
            order by probabilities.step
        ) as previous_p_high
    from probabilities
),

crossings as (
    select
        neighbours.fix_class,
        min(case when neighbours.step = 500 then neighbours.p_low end) as p_low,
        min(case when neighbours.step = 500 then neighbours.p_high end) as p_high,
        min(
            case
                when
                    neighbours.p_low <= neighbours.significance_level
                    and neighbours.previous_p_low > neighbours.significance_level
                    then
                        neighbours.step
                        - (neighbours.significance_level - neighbours.p_low)
                        / (neighbours.previous_p_low - neighbours.p_low)
            end
        ) as highest_step,
        min(
            case
                when
                    neighbours.p_high > neighbours.significance_level
                    and neighbours.previous_p_high <= neighbours.significance_level
                    then
                        neighbours.step
                        - (neighbours.p_high - neighbours.significance_level)
                        / (neighbours.p_high - neighbours.previous_p_high)
            end
        ) as lowest_step
    from neighbours
    group by neighbours.fix_class
),

-- For more than a thousand the logarithm of the ratio is treated as normal.
bounds as (
    select
        sized.*,
        sized.after_count / sized.expected_count as ratio,
        case
            when sized.after_count = 0 then 0
            when sized.after_count <= 1000
                then exp(0.01 * (crossings.lowest_step - 500))
            else
                sized.after_count / sized.expected_count * exp(
                    -sized.normal_quantile * sqrt(
                        1 / cast(sized.after_count as double precision)
                        + coalesce(1 / sized.size, 0)
                    )
                )
        end as ratio_low,
        case
            when sized.after_count <= 1000
                then exp(0.01 * (crossings.highest_step - 500))
            else
                sized.after_count / sized.expected_count * exp(
                    sized.normal_quantile * sqrt(
                        1 / cast(sized.after_count as double precision)
                        + coalesce(1 / sized.size, 0)
                    )
                )
        end as ratio_high,
        crossings.p_low,
        crossings.p_high
    from sized
    left join crossings on sized.fix_class = crossings.fix_class
),

pooled as (
    select
        -- strings
        cast(bounds.fix_class as varchar) as fix_class,
        cast(
            case
                when bounds.ratio_high < 1 then 'improved'
                when bounds.ratio_low > 1 then 'worse'
                else 'inconclusive'
            end as varchar
        ) as verdict,

        -- numbers
        cast(bounds.epic_count as bigint) as epic_count,
        cast(bounds.improved_count as bigint) as improved_count,
        cast(bounds.worse_count as bigint) as worse_count,
        cast(bounds.after_count as bigint) as after_count,
        cast(bounds.expected_count as double precision) as expected_count,
        cast(bounds.ratio as double precision) as ratio,
        cast(bounds.ratio_low as double precision) as ratio_low,
        cast(bounds.ratio_high as double precision) as ratio_high,
        cast(bounds.p_low as double precision) as p_low,
        cast(bounds.p_high as double precision) as p_high,
        cast(bounds.significance_level as double precision) as significance_level,
        cast(bounds.expected_count - bounds.after_count as double precision)
            as avoided_count,
        cast(bounds.expected_count * (1 - bounds.ratio_high) as double precision)
            as avoided_low,
        cast(bounds.expected_count * (1 - bounds.ratio_low) as double precision)
            as avoided_high,
        cast(bounds.saved_usd as double precision) as saved_usd,
        cast(bounds.budget_usd as double precision) as budget_usd,
        placebo.improved_share as false_alarm_share,
        placebo.study_count as placebo_count
    from bounds
    left join placebo on true
)

select * from pooled
