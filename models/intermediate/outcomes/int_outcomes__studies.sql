{{ config(materialized=var('single_use')) }}

{#
    What is judged: each epic, and for the placebo the services that ranked as high at some moment
    without an epic: the worst tenth by episodes.
#}
with epics as (
    select * from {{ ref('int_outcomes__epics') }}
),

window_counts as (
    select * from {{ ref('int_outcomes__window_counts') }}
),

ranked as (
    select
        window_counts.period_id,
        window_counts.service_id,
        window_counts.before_count,
        window_counts.is_treated,
        row_number() over (
            partition by window_counts.period_id
            order by window_counts.before_count desc, window_counts.service_id
        ) as period_rank,
        count(*) over (partition by window_counts.period_id) as service_count
    from window_counts
    where window_counts.is_placebo and window_counts.metric = 'episodes'
),

studies as (
    select
        epics.epic_id as study_id,
        epics.epic_id,
        epics.service_id,
        epics.period_id,
        false as is_placebo
    from epics
    where epics.service_id is not null and not epics.is_dropped
    union all
    select
        ranked.period_id || ' ' || ranked.service_id as study_id,
        cast(null as varchar) as epic_id,
        ranked.service_id,
        ranked.period_id,
        true as is_placebo
    from ranked
    where
        10 * (ranked.period_rank - 1) < ranked.service_count
        and ranked.before_count > 0
        and not ranked.is_treated
)

select * from studies
