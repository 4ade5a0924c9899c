{{ config(materialized=var('single_use')) }}

{#
    What was measured while each incident was active. The first and last day of an interval are
    joined to their pieces by day, the days between to their sums: an interval meets two days of
    pieces and one row for every other day, however long it lasted.
#}
with pieces as (
    select *
    from {{ ref('int_slo__pieces') }}
    -- A longer window can't separate an incident from the hours before it.
    where window_seconds <= 3600
),

windows as (
    select *
    from {{ ref('int_slo__incident_windows') }}
    where ends_epoch > starts_epoch
),

budgets as (
    select * from {{ ref('int_slo__budgets') }}
),

placed as (
    select
        windows.incident_id,
        budgets.slo_id,
        windows.starts_epoch,
        windows.ends_epoch,
        cast(floor(windows.starts_epoch / 86400.0) as bigint) as first_day,
        cast(floor((windows.ends_epoch - 1) / 86400.0) as bigint) as last_day
    from windows
    inner join budgets on windows.service_id = budgets.service_id
),

edges as (
    select
        placed.incident_id,
        placed.slo_id,
        placed.starts_epoch,
        placed.ends_epoch,
        placed.first_day as day_number
    from placed
    union all
    select
        placed.incident_id,
        placed.slo_id,
        placed.starts_epoch,
        placed.ends_epoch,
        placed.last_day as day_number
    from placed
    where placed.last_day > placed.first_day
),

overlapping as (
    select
        edges.incident_id,
        edges.slo_id,
        pieces.burn_source,
        {{ covered_seconds('edges', 'pieces') }} as covered_seconds,
        pieces.error_ratio,
        pieces.burn_rate
    from edges
    inner join pieces
        on
            edges.slo_id = pieces.slo_id
            and edges.day_number = pieces.day_number
            and edges.starts_epoch < pieces.ends_epoch
            and edges.ends_epoch > pieces.starts_epoch
),

sized as (
    select
        pieces.*,
        (pieces.ends_epoch - pieces.starts_epoch) * pieces.covered_share as covered_seconds
    from pieces
),

days as (
    select
        sized.slo_id,
        sized.burn_source,
        sized.day_number,
        {{ burn_sums('sized') }},
        max(sized.burn_rate) as peak_burn_rate
    from sized
    group by sized.slo_id, sized.burn_source, sized.day_number
),

unioned as (
    select
        overlapping.incident_id,
        overlapping.slo_id,
        overlapping.burn_source,
        {{ burn_sums('overlapping') }},
        max(overlapping.burn_rate) as peak_burn_rate
    from overlapping
    group by overlapping.incident_id, overlapping.slo_id, overlapping.burn_source
    union all
    select
        placed.incident_id,
        placed.slo_id,
        days.burn_source,
        days.covered_seconds,
        days.bad_seconds,
        days.burnt_seconds,
        days.peak_burn_rate
    from placed
    inner join days
        on
            placed.slo_id = days.slo_id
            and placed.first_day < days.day_number
            and placed.last_day > days.day_number
    where placed.last_day - placed.first_day > 1
),

burnt as (
    select
        unioned.incident_id,
        unioned.slo_id,
        unioned.burn_source,
        {{ exact_sum('unioned.covered_seconds') }} as covered_seconds,
        {{ known_sum('unioned.bad_seconds') }} as bad_seconds,
        {{ known_sum('unioned.burnt_seconds') }} as burnt_seconds,
        max(unioned.peak_burn_rate) as peak_burn_rate
    from unioned
    group by unioned.incident_id, unioned.slo_id, unioned.burn_source
)

select * from burnt
