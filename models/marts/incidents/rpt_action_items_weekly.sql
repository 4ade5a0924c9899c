{# Action items opened and closed, by week: whether reviews create more work than gets done. #}
with items as (
    select
        action_items.*,
        cast({{ dbt.date_trunc('week', 'action_items.decided_at') }} as date) as opened_week,
        -- Items with an unknown end, or one before they were decided, are in no later week.
        case
            when action_items.action_item_status not in ('done', 'dropped') then null
            when action_items.ended_at > action_items.decided_at
                then cast({{ dbt.date_trunc('week', 'action_items.ended_at') }} as date)
            else cast({{ dbt.date_trunc('week', 'action_items.decided_at') }} as date)
        end as closed_week
    from {{ ref('fct_action_items') }} as action_items
    where action_items.decided_at <= {{ as_of() }}
),

dates as (
    select distinct
        cast({{ dbt.date_trunc('week', 'calendar.date_day') }} as date) as week_starts_on
    from {{ ref('dim_dates') }} as calendar
    where calendar.calendar_name = 'defaults' and calendar.date_day <= cast({{ as_of() }} as date)
),

weeks as (
    select dates.week_starts_on
    from dates
    where dates.week_starts_on >= (select min(items.opened_week) from items)
),

counted as (
    select
        weeks.week_starts_on,
        sum(case when items.opened_week = weeks.week_starts_on then 1 else 0 end) as opened_count,
        sum(
            case
                when
                    items.closed_week = weeks.week_starts_on
                    and items.action_item_status = 'done'
                    then 1
                else 0
            end
        ) as done_count,
        sum(
            case
                when
                    items.closed_week = weeks.week_starts_on
                    and items.action_item_status = 'dropped'
                    then 1
                else 0
            end
        ) as declined_count,
        sum(
            case
                when items.closed_week is null or items.closed_week > weeks.week_starts_on then 1
                else 0
            end
        ) as open_count,
        sum(
            case
                when
                    items.opened_week = weeks.week_starts_on
                    and items.action_item_status = 'unknown'
                    then 1
                else 0
            end
        ) as unknown_count
    from weeks
    inner join items on weeks.week_starts_on >= items.opened_week
    group by weeks.week_starts_on
),

weekly as (
    select
        -- numbers
        cast(counted.opened_count as bigint) as opened_count,
        cast(counted.done_count as bigint) as done_count,
        cast(counted.declined_count as bigint) as declined_count,
        cast(counted.done_count + counted.declined_count as bigint) as closed_count,
        cast(counted.open_count as bigint) as open_count,
        cast(counted.unknown_count as bigint) as unknown_count,

        -- booleans
        {{ time_after('cast(counted.week_starts_on as timestamp)', 7, 'day') }} <= {{ as_of() }}
            as is_complete,

        -- timestamps
        counted.week_starts_on
    from counted
)

select * from weekly
