{{ config(materialized=var('single_use')) }}

{#
    A band is entered at its minimum and left only below the minimum less the margin, so that a
    service doesn't flap in and out. In between, the newer of the last day at or above the minimum
    and the last day below the margin decides; nothing else in the past does, and at most hold_days
    of it, so any day can be computed again from scratch.
#}
with scores as (
    select * from {{ ref('int_scoring__scores') }}
),

bands as (
    select * from {{ ref('stg_modernization__scoring_bands') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

crossings as (
    select
        scores.scoring_date,
        scores.service_id,
        scores.score,
        bands.band,
        bands.band_ordinal,
        bands.min_score,
        settings.hold_days,
        max(case when scores.score >= bands.min_score then scores.scoring_date end) over (
            partition by scores.service_id, bands.band
            order by scores.scoring_date
            rows between unbounded preceding and current row
        ) as last_in_on,
        max(
            case
                when scores.score < bands.min_score - settings.leave_margin
                    then scores.scoring_date
            end
        ) over (
            partition by scores.service_id, bands.band
            order by scores.scoring_date
            rows between unbounded preceding and current row
        ) as last_out_on
    from scores
    cross join bands
    cross join settings
),

held as (
    select
        crossings.*,
        case
            when crossings.min_score is null then true
            when crossings.score >= crossings.min_score then true
            when crossings.last_in_on is null then false
            when crossings.last_out_on > crossings.last_in_on then false
            else
                {{ dbt.datediff('crossings.last_in_on', 'crossings.scoring_date', 'day') }}
                <= crossings.hold_days
        end as is_in
    from crossings
),

highest as (
    select
        held.scoring_date,
        held.service_id,
        held.band,
        held.band_ordinal,
        held.min_score is not null and held.score < held.min_score as is_band_held,
        row_number() over (
            partition by held.scoring_date, held.service_id
            order by held.band_ordinal desc
        ) as band_rank
    from held
    where held.is_in
)

select
    highest.scoring_date,
    highest.service_id,
    highest.band,
    highest.band_ordinal,
    highest.is_band_held
from highest
where highest.band_rank = 1
