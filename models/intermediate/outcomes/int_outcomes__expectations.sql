{{ config(materialized=var('single_use')) }}

{#
    What was to be expected afterwards, had nothing been done: the empirical Bayes estimate used in
    road safety (Hauer; FHWA-RD-94-082). Epics go to the worst services, and the worst improve by
    themselves; so the rate of a service is shrunk towards the mean of all, by how much they differ.

    The prior is a gamma distribution with the mean and variance of the rates of all services that
    no epic had treated in the period before, including those treated later: the never treated alone
    would be truncated by the selection of the worst. The trend compares the untreated with their
    shrunk expectations, because they were selected too, as the better ones.
#}
with studies as (
    select * from {{ ref('int_outcomes__studies') }}
),

window_counts as (
    select * from {{ ref('int_outcomes__window_counts') }}
),

sums as (
    select
        counts.period_id,
        counts.metric,
        count(*) as prior_service_count,
        cast(sum(counts.before_count) as double precision) as total,
        cast(sum(counts.before_count * counts.before_count) as double precision)
            as total_of_squares
    from window_counts as counts
    where not counts.is_treated_before and counts.before_count is not null
    group by counts.period_id, counts.metric
),

-- The variance of the counts beyond that of chance is that of the rates.
moments as (
    select
        sums.period_id,
        sums.metric,
        sums.prior_service_count,
        sums.total / sums.prior_service_count as mean_count,
        (sums.total_of_squares - sums.total * sums.total / sums.prior_service_count)
        / nullif(sums.prior_service_count - 1, 0)
        - sums.total / sums.prior_service_count as excess_variance
    from sums
),

-- Where rates differ no more than by chance, all have the mean. The rate parameter is in baseline
-- periods, not in days.
priors as (
    select
        moments.period_id,
        moments.metric,
        moments.prior_service_count,
        moments.mean_count,
        case
            when moments.excess_variance > 1e-9
                then moments.mean_count * moments.mean_count / moments.excess_variance
        end as prior_shape,
        case
            when moments.excess_variance > 1e-9
                then moments.mean_count / moments.excess_variance
        end as prior_rate
    from moments
),

shrunk as (
    select
        counts.*,
        priors.prior_service_count,
        priors.mean_count,
        priors.prior_shape,
        -- Expected in a period as long as the baseline.
        coalesce(
            (priors.prior_shape + counts.before_count) / (priors.prior_rate + 1),
            priors.mean_count
        ) as shrunk_count
    from window_counts as counts
    inner join priors
        on counts.period_id = priors.period_id and counts.metric = priors.metric
),

peers as (
    select
        shrunk.period_id,
        shrunk.metric,
        count(*) as peer_count,
        sum(shrunk.after_count) as after_count,
        {{ exact_sum('shrunk.shrunk_count * shrunk.after_days / shrunk.before_days') }}
            as expected_count,
    -- How much their rates spread around the expected ones.
        {{ exact_sum(
            'coalesce('
            ~ 'shrunk.shrunk_count * shrunk.after_days / shrunk.before_days'
            ~ ' * shrunk.shrunk_count * shrunk.after_days / shrunk.before_days'
            ~ ' / (shrunk.prior_shape + shrunk.before_count), 0)'
        ) }} as excess_variance
    from shrunk
    where
        not shrunk.is_treated
        and shrunk.before_count is not null
        and shrunk.after_count is not null
    group by shrunk.period_id, shrunk.metric
),

-- No service is its own peer.
own as (
    select
        studies.study_id,
        studies.epic_id,
        studies.is_placebo,
        shrunk.period_id,
        shrunk.service_id,
        shrunk.metric,
        shrunk.before_days,
        shrunk.after_days,
        shrunk.before_count,
        shrunk.after_count,
        shrunk.is_treated_before,
        shrunk.is_treated,
        shrunk.prior_service_count,
        shrunk.mean_count,
        shrunk.prior_shape,
        shrunk.shrunk_count,
        case
            when
                not shrunk.is_treated
                and shrunk.before_count is not null
                and shrunk.after_count is not null
                then 1
            else 0
        end as is_peer
    from studies
    inner join shrunk
        on
            studies.period_id = shrunk.period_id
            and studies.service_id = shrunk.service_id
),

compared as (
    select
        own.*,
        own.shrunk_count * own.after_days / own.before_days as untrended_count,
        peers.peer_count - own.is_peer as peer_count,
        (peers.after_count - own.is_peer * coalesce(own.after_count, 0) + 0.5) / (
            peers.expected_count
            - own.is_peer * own.shrunk_count * own.after_days / own.before_days
            + 0.5
        ) as trend,
        -- The variance of the trend's logarithm: chance, and the spread of the peers' rates.
        (peers.expected_count + peers.excess_variance + 0.5)
        / ((peers.expected_count + 0.5) * (peers.expected_count + 0.5)) as trend_variance
    from own
    left join peers
        on own.period_id = peers.period_id and own.metric = peers.metric
),

expectations as (
    select
        -- ids
        compared.study_id || ' ' || compared.metric as study_metric_id,
        compared.study_id,
        compared.epic_id,
        compared.period_id,
        compared.service_id,

        -- strings
        compared.metric,

        -- numbers
        compared.before_days,
        compared.after_days,
        compared.before_count,
        compared.after_count,
        compared.prior_service_count,
        compared.peer_count,
        compared.trend,
        case when compared.prior_service_count < 30 then 0.025 else 0.05 end
            as significance_level,
        compared.trend_variance,
        -- The rate is uncertain because of the sample, and because the trend is an estimate too.
        1 / (
            coalesce(1 / (compared.prior_shape + compared.before_count), 0)
            + compared.trend_variance
        ) as size,
        -- Without a size the counts are Poisson.
        compared.prior_shape + compared.before_count as registered_size,
        compared.shrunk_count,
        compared.untrended_count * compared.trend as expected_count,
        -- What the test could detect when it was registered: no trend, the complete period.
        compared.shrunk_count * {{ var('payback_after_days') }} / compared.before_days
            as registered_count,

        -- booleans
        compared.is_placebo,
        coalesce(
            compared.prior_service_count >= 10
            and compared.before_count is not null
            and compared.mean_count > 0
            and compared.before_days >= {{ var('payback_min_days') }},
            false
        ) as is_comparable
    from compared
)

select * from expectations
