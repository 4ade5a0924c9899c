{#
    What each incident took from the error budgets of its service.

        budget_spent = burn_rate * covered_seconds / period, measured
        budget_spent = down_share * active_seconds / (period * (1 - objective)), estimated

    An incident is estimated only if nothing was measured while it was active and the share of users
    without service is known, and only for availability: downtime says nothing about latency.
#}
with incidents as (
    select * from {{ ref('int_incidents__counted') }}
),

windows as (
    select * from {{ ref('int_slo__incident_windows') }}
),

budgets as (
    select * from {{ ref('int_slo__budgets') }}
),

burn as (
    select * from {{ ref('int_slo__incident_burn') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

active as (
    select
        windows.incident_id,
        sum(windows.ends_epoch - windows.starts_epoch) as active_seconds,
        max(windows.down_share) as down_share,
        min(windows.starts_epoch) as starts_epoch,
        max(windows.ends_epoch) as ends_epoch
    from windows
    group by windows.incident_id
),

-- Of two sources the one that measured more of it counts.
ranked as (
    select
        burn.*,
        row_number() over (
            partition by burn.incident_id, burn.slo_id
            order by burn.covered_seconds desc, burn.burn_source desc
        ) as source_rank
    from burn
    where burn.covered_seconds > 0
),

joined as (
    select
        incidents.incident_id,
        budgets.slo_id,
        incidents.service_id,
        budgets.slo_name,
        budgets.indicator_kind,
        ranked.burn_source,
        budgets.objective,
        budgets.window_days,
        budgets.period_seconds,
        budgets.budget_seconds,
        active.active_seconds,
        coalesce(ranked.covered_seconds, active.active_seconds * 0) as covered_seconds,
        ranked.bad_seconds,
        ranked.burnt_seconds,
        ranked.peak_burn_rate,
        active.down_share,
        ranked.burn_source is null
        and active.down_share is not null
        and budgets.indicator_kind = 'availability'
        and budgets.budget_seconds is not null
        and active.active_seconds is not null as is_estimated,
        incidents.incident_status != 'resolved' as is_open,
        active.starts_epoch,
        active.ends_epoch
    from incidents
    inner join budgets on incidents.service_id = budgets.service_id
    left join active on incidents.incident_id = active.incident_id
    left join ranked
        on
            incidents.incident_id = ranked.incident_id
            and budgets.slo_id = ranked.slo_id
            and ranked.source_rank = 1
),

spent as (
    select
        -- ids
        joined.incident_id || ' > ' || joined.slo_id as incident_burn_id,
        joined.incident_id,
        joined.slo_id,
        joined.service_id,
        services.team_id,

        -- strings
        services.service_name,
        services.owner,
        joined.slo_name,
        joined.indicator_kind,
        case
            when coalesce(joined.is_estimated, false) then 'estimated' else joined.burn_source
        end as burn_source,

        -- numbers
        cast(joined.objective as double precision) as objective,
        cast(joined.window_days as double precision) as window_days,
        cast(joined.active_seconds as bigint) as active_seconds,
        cast(joined.covered_seconds as double precision) as covered_seconds,
        cast(joined.bad_seconds / joined.covered_seconds as double precision) as error_ratio,
        cast(
            case
                when joined.is_estimated
                    then joined.down_share * joined.active_seconds / joined.budget_seconds
                else joined.burnt_seconds / joined.period_seconds
            end as double precision
        ) as budget_spent,
        cast(
            case
                when joined.is_estimated then joined.down_share / (1 - joined.objective)
                else joined.burnt_seconds / joined.covered_seconds
            end as double precision
        ) as burn_rate,
        cast(joined.peak_burn_rate as double precision) as peak_burn_rate,

        -- booleans
        coalesce(joined.is_estimated, false) as is_estimated,
        joined.is_open,

        -- timestamps
        {{ time_after("cast('1970-01-01' as timestamp)", 'joined.starts_epoch', 'second') }}
            as burn_starts_at,
        {{ time_after("cast('1970-01-01' as timestamp)", 'joined.ends_epoch', 'second') }}
            as burn_ends_at
    from joined
    left join services on joined.service_id = services.service_id
)

select * from spent
