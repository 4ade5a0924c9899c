{#
    One row per epic with the periods over which its payback is judged, fixed when it opens:
    `payback_baseline_days` before it, and up to `payback_after_days` after its delivery and a
    washout. The time between belongs to neither.
#}
with epics as (
    select * from {{ ref('fct_epics') }}
),

ledger as (
    select * from {{ ref('stg_paydown__epics') }}
),

not_delivered as (
    select * from {{ ref('not_delivered_statuses') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

-- Before the first record nothing is known, not even that a service was quiet.
history as (
    select min(incidents.triggered_at) as history_starts_at
    from incidents
),

dropped as (
    select
        ledger.tracker_instance,
        ledger.epic_key
    from ledger
    where ledger.is_closed_as_hygiene
),

-- What happened after as_of is not known yet.
known as (
    select
        epics.epic_id,
        epics.service_id,
        epics.opened_at,
        case when epics.closed_at <= {{ as_of() }} then epics.closed_at end as closed_at,
        case when epics.shipped_at <= {{ as_of() }} then epics.shipped_at end as shipped_at,
        coalesce(epics.deleted_at <= {{ as_of() }}, epics.is_deleted) as is_deleted,
        dropped.epic_key is not null
        or not_delivered.status_word is not null as is_dropped
    from epics
    left join dropped
        on
            epics.tracker_name
            = {{ dbt.split_part('dropped.tracker_instance', "':'", 1) }}
            and epics.epic_key = dropped.epic_key
    left join not_delivered on lower(trim(epics.status_name)) = not_delivered.status_word
    where epics.opened_at <= {{ as_of() }}
),

delivered as (
    select
        known.epic_id,
        known.service_id,
        known.opened_at,
        case when not known.is_deleted and not known.is_dropped then known.shipped_at end
            as delivered_at,
        known.is_deleted or (known.is_dropped and known.closed_at is not null) as is_dropped
    from known
),

periods as (
    select
        delivered.epic_id,
        delivered.service_id,
        delivered.is_dropped,
        delivered.opened_at,
        delivered.delivered_at,
        case
            when
                {{ time_after(
                    'delivered.opened_at', '-' ~ var('payback_baseline_days'), 'day'
                ) }} < history.history_starts_at
                then history.history_starts_at
            else
                {{ time_after(
                    'delivered.opened_at', '-' ~ var('payback_baseline_days'), 'day'
                ) }}
        end as before_from,
        delivered.opened_at as before_until,
        {{ time_after('delivered.delivered_at', var('payback_washout_days'), 'day') }}
            as after_from,
        case
            when
                {{ time_after(
                    'delivered.delivered_at',
                    var('payback_washout_days') + var('payback_after_days'),
                    'day'
                ) }} < {{ as_of() }}
                then
                    {{ time_after(
                        'delivered.delivered_at',
                        var('payback_washout_days') + var('payback_after_days'),
                        'day'
                    ) }}
            when delivered.delivered_at is not null then {{ as_of() }}
        end as after_until
    from delivered
    cross join history
),

epic_periods as (
    select
        -- ids
        periods.epic_id,
        periods.service_id,
        cast(periods.opened_at as varchar)
        || ' to ' || coalesce(cast(periods.delivered_at as varchar), 'open') as period_id,

        -- booleans
        periods.is_dropped,

        -- timestamps
        periods.opened_at,
        periods.delivered_at,
        periods.before_from,
        periods.before_until,
        case when periods.after_from < periods.after_until then periods.after_from end
            as after_from,
        case when periods.after_from < periods.after_until then periods.after_until end
            as after_until
    from periods
)

select * from epic_periods
