{{ config(materialized=var('single_use')) }}

{#
    Good and bad events, or up and down seconds, of Datadog's SLOs in pieces of five minutes, or of
    the interval that Datadog returned if that is longer. A piece without events, or with an unknown
    state, has no row.
#}
{%- set piece = 300 -%}
with samples as (
    select * from {{ ref('stg_datadog__samples') }}
),

transitions as (
    select * from {{ ref('stg_datadog__transitions') }}
),

-- Datadog adds up what it has: a missing point means no good events, also in its own SLI.
counted as (
    select
        samples.source_slo_id,
        case
            when samples.interval_seconds > {{ piece }}
                then samples.sampled_epoch + samples.interval_seconds
            else cast(floor(samples.sampled_epoch / {{ piece }}.0) + 1 as bigint) * {{ piece }}
        end as ends_epoch,
        samples.interval_seconds,
        samples.asked_at,
        samples.total_events as total_amount,
        samples.total_events - coalesce(samples.good_events, 0) as bad_amount,
        samples.interval_seconds as covered_seconds
    from samples
    where samples.total_events > 0
),

-- A state lasts until the next one; what one window doesn't cover is left to the one that does.
followed as (
    select
        transitions.*,
        coalesce(
            lead(transitions.changed_epoch) over (
                partition by transitions.source_slo_id, transitions.window_starts_epoch
                order by transitions.changed_epoch
            ),
            transitions.window_ends_epoch
        ) as next_epoch
    from transitions
),

stretches as (
    select
        followed.source_slo_id,
        followed.window_starts_epoch,
        followed.window_ends_epoch,
        followed.asked_at,
        followed.state,
        greatest(followed.changed_epoch, followed.window_starts_epoch) as starts_epoch,
        least(followed.next_epoch, followed.window_ends_epoch) as ends_epoch
    from followed
),

-- State 2 is missing data, which is neither up nor down.
split_states as (
    select
        stretches.source_slo_id,
        stretches.asked_at,
        stretches.state,
        stretches.starts_epoch,
        stretches.ends_epoch,
        stretches.window_starts_epoch + numbers.n * {{ piece }} as piece_starts_epoch,
        stretches.window_starts_epoch + (numbers.n + 1) * {{ piece }} as piece_ends_epoch
    from stretches
    inner join {{ numbers(1000) }} as numbers
        on
            stretches.starts_epoch
            < stretches.window_starts_epoch + (numbers.n + 1) * {{ piece }}
            and stretches.ends_epoch > stretches.window_starts_epoch + numbers.n * {{ piece }}
    where stretches.state in (0, 1) and stretches.ends_epoch > stretches.starts_epoch
),

pieces as (
    select
        split_states.source_slo_id,
        split_states.asked_at,
        split_states.state,
        split_states.piece_ends_epoch as ends_epoch,
        least(split_states.ends_epoch, split_states.piece_ends_epoch)
        - greatest(split_states.starts_epoch, split_states.piece_starts_epoch) as covered_seconds
    from split_states
),

timed as (
    select
        pieces.source_slo_id,
        pieces.ends_epoch,
        {{ piece }} as interval_seconds,
        pieces.asked_at,
        cast(pieces.covered_seconds as double precision) as total_amount,
        cast(case when pieces.state = 1 then pieces.covered_seconds else 0 end as double precision)
            as bad_amount,
        pieces.covered_seconds
    from pieces
),

unioned as (
    select * from counted
    union all
    select * from timed
),

added as (
    select
        unioned.source_slo_id,
        unioned.ends_epoch,
        unioned.asked_at,
        max(greatest(unioned.interval_seconds, {{ piece }})) as piece_seconds,
        {{ exact_sum('unioned.total_amount') }} as total_amount,
        {{ exact_sum('unioned.bad_amount') }} as bad_amount,
        sum(unioned.covered_seconds) as covered_seconds
    from unioned
    group by unioned.source_slo_id, unioned.ends_epoch, unioned.asked_at
),

-- Where two responses cover one piece, the last request counts.
ranked as (
    select
        added.*,
        row_number() over (
            partition by added.source_slo_id, added.ends_epoch
            order by added.asked_at desc
        ) as answer_rank
    from added
)

select
    ranked.source_slo_id,
    ranked.ends_epoch,
    ranked.piece_seconds,
    ranked.total_amount,
    ranked.bad_amount,
    ranked.covered_seconds
from ranked
where ranked.answer_rank = 1
