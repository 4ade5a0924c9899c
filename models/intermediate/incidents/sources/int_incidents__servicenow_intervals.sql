{#
    The intervals in which a reopened ticket was active, from the states of its versions: an event
    log has every version, a sync those that it saw. An interval begins with the version that is
    active again and ends with the one that is over. The last one is open here: it ends when the
    ticket does. Tickets with a single interval have no row.
#}
with versions as (
    select * from {{ ref('stg_servicenow__incident_versions') }}
),

incidents as (
    select * from {{ ref('stg_servicenow__incidents') }}
),

states as (
    select * from {{ ref('servicenow_states') }}
),

judged as (
    select
        versions.source_incident_id,
        versions.updated_at,
        versions.version_number,
        versions.resolved_at,
        case
            when
                coalesce(
                    by_value.incident_status,
                    by_name.incident_status,
                    case when versions.is_active then 'open' else 'resolved' end
                ) = 'open'
                then 0
            else 1
        end as is_over
    from versions
    left join states as by_value
        on lower(trim(versions.source_status_value)) = by_value.state_word
    left join states as by_name on lower(trim(versions.source_status)) = by_name.state_word
    where
        coalesce(by_value.incident_status, by_name.incident_status) is not null
        or versions.is_active is not null
),

followed as (
    select
        judged.*,
        coalesce(
            lag(judged.is_over) over (
                partition by judged.source_incident_id
                order by judged.updated_at, judged.version_number, judged.is_over
            ), 0
        ) as was_over
    from judged
),

-- A transition: the ticket is over now, or active again.
turns as (
    select
        followed.*,
        sum(case when followed.is_over = 0 then 1 else 0 end) over (
            partition by followed.source_incident_id
            order by followed.updated_at, followed.version_number, followed.is_over
            rows between unbounded preceding and current row
        ) as interval_number
    from followed
    where followed.is_over != followed.was_over
),

spans as (
    select
        turns.source_incident_id,
        turns.interval_number,
        min(case when turns.is_over = 0 then turns.updated_at end) as started_at,
        min(case when turns.is_over = 1 then turns.updated_at end) as over_at,
        min(case when turns.is_over = 1 then turns.resolved_at end) as resolved_at,
        max(turns.interval_number) over (partition by turns.source_incident_id) as last_number
    from turns
    group by turns.source_incident_id, turns.interval_number
),

intervals as (
    select
        spans.source_incident_id || '#' || cast(spans.interval_number as varchar) as interval_id,
        spans.source_incident_id,
        cast(spans.interval_number as bigint) as interval_number,
        case when spans.interval_number = 0 then incidents.triggered_at else spans.started_at end
            as started_at,
        -- The resolution time that the version states, unless it is that of another interval.
        case
            when spans.interval_number = spans.last_number then null
            when
                spans.resolved_at <= spans.over_at
                and spans.resolved_at
                >= coalesce(spans.started_at, incidents.triggered_at)
                then spans.resolved_at
            else spans.over_at
        end as ended_at
    from spans
    inner join incidents on spans.source_incident_id = incidents.source_incident_id
    where spans.last_number > 0
)

select * from intervals
