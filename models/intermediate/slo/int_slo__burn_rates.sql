{#
    How fast the error budget of every objective burnt, at every measured moment and over every
    window that ends there.

        burn_rate = error_ratio / (1 - objective)

    Prometheus has recorded the windows. Datadog's events are added up here, each window in one pass
    over the pieces in order of time. A moment without data has no row: it is a gap.
#}
{%- set windows = [300, 1800, 3600, 7200, 21600, 86400, 259200] -%}
with series as (
    select * from {{ ref('int_slo__series') }}
),

objectives as (
    select * from {{ ref('int_slo__objectives') }}
),

-- There are many measurements: their SLO is a number until the end.
slos as (
    select
        named.slo_id,
        named.service_id,
        named.slo_name,
        objectives.objective,
        objectives.objective_source,
        row_number() over (order by named.slo_id) as slo_number
    from (
        select distinct
            series.slo_id,
            series.service_id,
            series.slo_name
        from series
    ) as named
    left join objectives on named.slo_id = objectives.slo_id
),

numbered as (
    select
        series.*,
        slos.slo_number
    from series
    inner join slos on series.slo_id = slos.slo_id
),

samples as (
    select * from {{ ref('stg_prometheus__samples') }}
),

pieces as (
    select * from {{ ref('int_slo__datadog_buckets') }}
),

-- An objective measured in several series, such as one per cluster, is as good as its worst. Values
-- that recording rules round beyond 0 or 1 are clipped; those further outside are no ratios and
-- count as gaps.
recorded as (
    select
        numbered.slo_number,
        numbered.window_seconds,
        samples.sampled_at as measured_at,
        max(
            case
                when numbered.series_kind = 'error_ratio'
                    then least(greatest(samples.sample_value, 0.0), 1.0)
            end
        ) as error_ratio,
        max(case when numbered.series_kind = 'burn_rate' then samples.sample_value end)
            as stated_burn_rate
    from samples
    inner join numbered on samples.series_id = numbered.source_series_id
    where
        numbered.burn_source = 'prometheus'
        and numbered.series_kind in ('error_ratio', 'burn_rate')
        and numbered.window_seconds is not null
        and samples.sample_value is not null
        and (
            numbered.series_kind != 'error_ratio'
            or samples.sample_value between -0.000001 and 1.000001
        )
    group by numbered.slo_number, numbered.window_seconds, samples.sampled_at
),

-- Several Datadog SLOs may be one of ours: with one service and one name.
placed as (
    select
        numbered.slo_number,
        pieces.ends_epoch,
        max(pieces.piece_seconds) as piece_seconds,
        sum(pieces.total_amount) as total_amount,
        sum(pieces.bad_amount) as bad_amount,
        max(pieces.covered_seconds) as covered_seconds
    from pieces
    inner join numbered on pieces.source_slo_id = numbered.source_series_id
    where numbered.burn_source = 'datadog'
    group by numbered.slo_number, pieces.ends_epoch
),

summed as (
    {%- for window in windows %}
        select
            placed.slo_number,
            placed.ends_epoch,
            {{ window }} as window_seconds,
            sum(placed.total_amount) over (
                partition by placed.slo_number
                order by placed.ends_epoch
                range between {{ window - 1 }} preceding and current row
            ) as total_amount,
            sum(placed.bad_amount) over (
                partition by placed.slo_number
                order by placed.ends_epoch
                range between {{ window - 1 }} preceding and current row
            ) as bad_amount,
            sum(placed.covered_seconds) over (
                partition by placed.slo_number
                order by placed.ends_epoch
                range between {{ window - 1 }} preceding and current row
            ) as covered_seconds,
            max(placed.piece_seconds) over (
                partition by placed.slo_number
                order by placed.ends_epoch
                range between {{ window - 1 }} preceding and current row
            ) as piece_seconds
        from placed
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

-- A piece longer than the window says nothing about it.
added as (
    select
        summed.slo_number,
        summed.ends_epoch,
        summed.window_seconds,
        summed.bad_amount / summed.total_amount as error_ratio,
        least(summed.covered_seconds * 1.0 / summed.window_seconds, 1.0) as covered_share
    from summed
    where summed.piece_seconds <= summed.window_seconds and summed.total_amount > 0
),

unioned as (
    select
        recorded.slo_number,
        'prometheus' as burn_source,
        recorded.window_seconds,
        recorded.measured_at,
        recorded.error_ratio,
        recorded.stated_burn_rate,
        cast(null as double precision) as covered_share
    from recorded
    union all
    select
        added.slo_number,
        'datadog' as burn_source,
        added.window_seconds,
        {{ time_after("cast('1970-01-01' as timestamp)", 'added.ends_epoch', 'second') }}
            as measured_at,
        added.error_ratio,
        cast(null as double precision) as stated_burn_rate,
        cast(added.covered_share as double precision) as covered_share
    from added
),

burnt as (
    select
        -- ids
        slos.slo_id,
        slos.service_id,

        -- strings
        slos.slo_name,
        unioned.burn_source,
        slos.objective_source,

        -- numbers
        unioned.window_seconds,
        slos.objective,
        coalesce(unioned.error_ratio, unioned.stated_burn_rate * (1 - slos.objective))
            as error_ratio,
        coalesce(
            -- An objective of 1 leaves no budget to burn.
            unioned.error_ratio / nullif(1 - slos.objective, 0),
            unioned.stated_burn_rate
        ) as burn_rate,
        unioned.covered_share,

        -- timestamps
        unioned.measured_at
    from unioned
    inner join slos on unioned.slo_number = slos.slo_number
    where unioned.measured_at <= {{ as_of() }}
)

select * from burnt
