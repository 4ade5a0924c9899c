{{ config(materialized=var('single_use')) }}

{#
    How far the work of each epic has reached users. A rollout that names the epic belongs to it.
    Otherwise its service's last rollout before the epic was closed counts, or the first after,
    since tickets are closed early; while the epic is open nobody knows whether a rollout has the
    work. A service that no tool rolls out is delivered when its epic is closed.
#}
with epics as (
    select * from {{ ref('int_epics__epics') }}
),

services as (
    select * from {{ ref('int_epics__services') }}
),

rollouts as (
    select * from {{ ref('fct_rollouts') }}
),

seen as (
    select distinct rollouts.service_id
    from rollouts
    where rollouts.service_id is not null
),

known as (
    select
        epics.epic_id,
        epics.item_ref,
        epics.epic_key,
        epics.opened_at,
        case when epics.closed_at <= {{ as_of() }} then epics.closed_at end as closed_at,
        services.service_id
    from epics
    inner join services on epics.epic_id = services.epic_id
),

linked as (
    select
        known.epic_id,
        known.closed_at,
        rollouts.rollout_id,
        rollouts.application_name,
        rollouts.passed_steps,
        rollouts.rollout_state,
        rollouts.started_at,
        rollouts.completed_at,
        rollouts.epic_ref is not null as is_named,
        row_number() over (
            partition by known.epic_id
            order by rollouts.started_at desc, rollouts.rollout_id desc
        ) as place
    from known
    inner join rollouts
        on
            known.opened_at <= rollouts.started_at
            and (
                lower(rollouts.epic_ref) in (lower(known.item_ref), lower(known.epic_key))
                or (rollouts.epic_ref is null and known.service_id = rollouts.service_id)
            )
),

counted as (
    select
        linked.epic_id,
        count(*) as rollout_count,
        max(case when linked.place = 1 then linked.application_name end) as application_name,
        max(case when linked.place = 1 then linked.passed_steps end) as passed_steps,
        max(case when linked.place = 1 then linked.rollout_state end) as rollout_state,
        max(linked.completed_at) as rolled_out_at,
        max(case when linked.is_named then linked.completed_at end) as named_at,
        max(
            case
                when not linked.is_named and linked.started_at <= linked.closed_at
                    then linked.completed_at
            end
        ) as before_closing_at,
        min(
            case
                when not linked.is_named and linked.started_at > linked.closed_at
                    then linked.completed_at
            end
        ) as after_closing_at
    from linked
    group by linked.epic_id
),

delivered as (
    select
        known.epic_id,
        counted.application_name,
        counted.passed_steps,
        counted.rollout_state,
        coalesce(counted.rollout_count, 0) as rollout_count,
        seen.service_id is not null as is_rolled_out_by_tool,
        counted.rolled_out_at,
        known.closed_at,
        coalesce(
            counted.named_at,
            case
                when known.closed_at is not null
                    then coalesce(counted.before_closing_at, counted.after_closing_at)
            end
        ) as seen_shipped_at
    from known
    left join counted on known.epic_id = counted.epic_id
    left join seen on known.service_id = seen.service_id
)

select
    delivered.epic_id,
    delivered.application_name,
    delivered.passed_steps,
    delivered.rollout_state,
    delivered.rollout_count,
    case
        when delivered.seen_shipped_at is not null then 'rollout'
        when not delivered.is_rolled_out_by_tool and delivered.closed_at is not null
            then 'tracker'
    end as shipped_by,
    delivered.is_rolled_out_by_tool
    and delivered.closed_at is not null
    and delivered.seen_shipped_at is null as is_rollout_missing,
    delivered.rolled_out_at,
    case
        when delivered.seen_shipped_at is not null then delivered.seen_shipped_at
        when not delivered.is_rolled_out_by_tool then delivered.closed_at
    end as shipped_at
from delivered
