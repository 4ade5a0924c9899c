{#
    The estimator of fct_epic_payback applied to services that ranked as high and got no epic: any
    improvement that it reports is a false alarm. One moment a month; their periods overlap, so
    `all` counts a service several times and its interval is too narrow.
#}
with verdicts as (
    select *
    from {{ ref('int_outcomes__verdicts') }}
    where
        is_placebo
        and metric = 'episodes'
        and verdict in ('improved', 'worse', 'inconclusive')
),

counted as (
    select
        verdicts.period_id as period_name,
        count(*) as study_count,
        sum(case when verdicts.verdict = 'improved' then 1 else 0 end) as improved_count,
        sum(case when verdicts.verdict = 'worse' then 1 else 0 end) as worse_count,
        sum(verdicts.after_count) as after_count,
        {{ exact_sum('verdicts.expected_count') }} as expected_count,
        sum(
            case
                when
                    verdicts.after_count between verdicts.expected_low
                    and verdicts.expected_high
                    then 1
                else 0
            end
        ) as covered_count
    from verdicts
    group by verdicts.period_id
),

totals as (
    select * from counted
    union all
    select
        'all' as period_name,
        coalesce(sum(counted.study_count), 0) as study_count,
        coalesce(sum(counted.improved_count), 0) as improved_count,
        coalesce(sum(counted.worse_count), 0) as worse_count,
        coalesce(sum(counted.after_count), 0) as after_count,
        coalesce({{ exact_sum('counted.expected_count') }}, 0) as expected_count,
        coalesce(sum(counted.covered_count), 0) as covered_count
    from counted
),

shares as (
    select
        totals.*,
        cast(totals.improved_count as double precision) / nullif(totals.study_count, 0)
            as improved_share
    from totals
),

-- Wilson's interval, 95 %.
placebo as (
    select
        -- strings
        cast(shares.period_name as varchar) as period_name,
        cast(
            case
                when shares.study_count < 20 then 'too early'
                when
                    {{ wilson_bound('shares.improved_count', 'shares.study_count', 'low') }}
                    > 0.05
                    then 'too many false alarms'
                else 'as promised'
            end as varchar
        ) as verdict,

        -- numbers
        cast(shares.study_count as bigint) as study_count,
        cast(shares.improved_count as bigint) as improved_count,
        cast(shares.worse_count as bigint) as worse_count,
        cast(shares.improved_share as double precision) as improved_share,
        cast(
            {{ wilson_bound('shares.improved_count', 'shares.study_count', 'low') }}
            as double precision
        ) as improved_share_low,
        cast(
            {{ wilson_bound('shares.improved_count', 'shares.study_count', 'high') }}
            as double precision
        ) as improved_share_high,
        cast(
            cast(shares.worse_count as double precision) / nullif(shares.study_count, 0)
            as double precision
        ) as worse_share,
        cast(
            cast(shares.covered_count as double precision) / nullif(shares.study_count, 0)
            as double precision
        ) as covered_share,
        cast(shares.after_count as bigint) as after_count,
        cast(shares.expected_count as double precision) as expected_count
    from shares
)

select * from placebo
