{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='scoring_date',
    on_schema_change='sync_all_columns',
    pre_hook="{{ add_text_column('day_checksum') }}",
) }}
{#
    Days that were scored once stay. Of those that a build scores again, the ones that came out
    differently are replaced completely.
#}
{%- set factors = [
    'slo_burn', 'repeats', 'mttr', 'blast_radius', 'dependency_centrality', 'revenue_impact',
    'effort', 'ai_risk',
] -%}
{%- set tie_breakers = score_tie_breakers() -%}

with scores as (
    select * from {{ ref('int_scoring__scores') }}
),

bands as (
    select * from {{ ref('int_scoring__bands') }}
),

factor_points as (
    select * from {{ ref('int_scoring__factor_points') }}
),

dates as (
    select * from {{ ref('int_scoring__dates') }}
),

pivoted as (
    select
        factor_points.scoring_date,
        factor_points.service_id,
        {%- for factor in factors %}
            max(case when factor_points.factor = '{{ factor }}' then factor_points.points end)
                as points_{{ factor }},
        {%- endfor %}
        {%- for factor in tie_breakers %}
            max(case when factor_points.factor = '{{ factor }}' then factor_points.raw_value end)
                as raw_{{ factor }},
        {%- endfor %}
        max(factor_points.incident_count) as incident_count,
        max(factor_points.newest_incident_at) as newest_incident_at
    from factor_points
    group by factor_points.scoring_date, factor_points.service_id
),

ranked as (
    select
        scores.*,
        bands.band,
        bands.band_ordinal,
        bands.is_band_held,
        lag(bands.band_ordinal) over (
            partition by scores.service_id order by scores.scoring_date
        ) as previous_band_ordinal,
        scores.score - lag(scores.score, 7) over (
            partition by scores.service_id order by scores.scoring_date
        ) as score_delta,
        {{ score_rank('scores', 'scores.scoring_date', 'pivoted') }} as score_rank,
        percent_rank() over (partition by scores.scoring_date order by scores.score)
            as score_percentile
    from scores
    left join pivoted
        on
            scores.scoring_date = pivoted.scoring_date
            and scores.service_id = pivoted.service_id
    inner join bands
        on
            scores.scoring_date = bands.scoring_date
            and scores.service_id = bands.service_id
),

-- How long a band has been held is known for band_memory_days; empty means longer.
entered as (
    select
        ranked.*,
        max(
            case
                when ranked.previous_band_ordinal != ranked.band_ordinal then ranked.scoring_date
            end
        ) over (
            partition by ranked.service_id
            order by ranked.scoring_date
            rows between {{ var('band_memory_days') }} preceding and current row
        ) as band_entered_on
    from ranked
),

published as (
    select
        -- ids
        entered.service_id || ' @ ' || cast(entered.scoring_date as varchar) as score_id,
        entered.service_id,

        -- strings
        entered.rubric_hash,
        entered.band,

        -- numbers
        cast(entered.score_rank as integer) as score_rank,
        cast(entered.score_percentile as double precision) as score_percentile,
        entered.score,
        entered.lowest_score,
        entered.highest_score,
        cast(entered.score_delta as integer) as score_delta,
        {%- for factor in factors %}
            pivoted.points_{{ factor }},
        {%- endfor %}
        cast(entered.coverage as double precision) as coverage,
        cast(coalesce(pivoted.incident_count, 0) as bigint) as incident_count,

        -- booleans
        entered.is_band_held,

        -- timestamps
        pivoted.newest_incident_at,
        entered.band_entered_on,
        entered.scoring_date,
        dates.scoring_at
    from entered
    inner join pivoted
        on
            entered.scoring_date = pivoted.scoring_date
            and entered.service_id = pivoted.service_id
    inner join dates on entered.scoring_date = dates.scoring_date
    where dates.is_published
),

-- A day's ranks and bands depend on other days too, so its rows are compared.
summed as (
    select
        published.*,
        cast(
            sum({{ row_hash([
                'published.score_id', 'published.rubric_hash', 'published.band',
                'published.score_rank', 'published.score_percentile',
                'published.score', 'published.lowest_score', 'published.highest_score',
                'published.score_delta', 'published.points_slo_burn', 'published.points_repeats',
                'published.points_mttr', 'published.points_blast_radius',
                'published.points_dependency_centrality', 'published.points_revenue_impact',
                'published.points_effort', 'published.points_ai_risk', 'published.coverage',
                'published.incident_count', 'published.is_band_held',
                'published.newest_incident_at', 'published.band_entered_on',
                'published.scoring_at',
            ]) }}) over (partition by published.scoring_date) as varchar
        ) as day_checksum
    from published
)

select summed.*
from summed
where {{ is_not_stored('summed', ['scoring_date', 'day_checksum']) }}
