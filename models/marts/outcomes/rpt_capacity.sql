{#
    What each team has for modernization in the quarter of as_of: the carve-out of its
    engineer-days, the part that open and delivered epics use by their estimates, and the days that
    people logged on these epics, where the tracker has them.
#}
with teams as (
    select * from {{ ref('dim_teams') }}
),

epics as (
    select * from {{ ref('fct_epics') }}
),

periods as (
    select * from {{ ref('int_outcomes__epics') }}
),

dates as (
    select *
    from {{ ref('dim_dates') }}
    where
        is_business_day
        and quarter_starts_on = cast({{ dbt.date_trunc('quarter', as_of()) }} as date)
),

team_days as (
    select
        dates.calendar_name,
        count(*) as business_days,
        min(dates.quarter_starts_on) as quarter_starts_on
    from dates
    group by dates.calendar_name
),

committed as (
    select
        epics.team_id,
        sum(case when epics.is_open then 1 else 0 end) as open_epic_count,
        sum(case when epics.is_open and epics.estimate_days is null then 1 else 0 end)
            as unestimated_epic_count,
        {{ exact_sum('case when epics.is_open then epics.estimate_days end') }}
            as committed_days,
        {{ exact_sum(
            'case when cast(' ~ dbt.date_trunc('quarter', 'periods.delivered_at') ~ ' as date)'
            ~ ' = cast(' ~ dbt.date_trunc('quarter', as_of()) ~ ' as date)'
            ~ ' then epics.estimate_days end'
        ) }} as done_days,
        {{ exact_sum(
            'case when epics.is_open or cast('
            ~ dbt.date_trunc('quarter', 'periods.delivered_at') ~ ' as date) = cast('
            ~ dbt.date_trunc('quarter', as_of()) ~ ' as date) then epics.logged_days end'
        ) }} as logged_days
    from epics
    inner join periods on epics.epic_id = periods.epic_id
    group by epics.team_id
),

sized as (
    select
        teams.*,
        coalesce(own.business_days, default_days.business_days) as business_days,
        coalesce(own.quarter_starts_on, default_days.quarter_starts_on) as quarter_starts_on,
        teams.engineers * coalesce(own.business_days, default_days.business_days) as engineer_days,
        coalesce(committed.open_epic_count, 0) as open_epic_count,
        coalesce(committed.unestimated_epic_count, 0) as unestimated_epic_count,
        coalesce(committed.committed_days, 0) as committed_days,
        coalesce(committed.done_days, 0) as done_days,
        committed.logged_days
    from teams
    left join team_days as own on 'team:' || teams.team_name = own.calendar_name
    left join team_days as default_days on default_days.calendar_name = 'defaults'
    left join committed on teams.team_id = committed.team_id
    where teams.service_count > 0
),

capacity as (
    select
        -- ids
        cast(sized.team_id as varchar) as team_id,

        -- strings
        sized.team_name,
        cast(
            case
                when sized.engineers is null or sized.carve_out_share is null then 'unknown'
                when
                    sized.committed_days + sized.done_days
                    > sized.engineer_days * sized.carve_out_share
                    then 'over'
                else 'within'
            end as varchar
        ) as verdict,

        -- numbers
        sized.engineers,
        cast(sized.business_days as bigint) as business_days,
        cast(sized.engineer_days as double precision) as engineer_days,
        sized.carve_out_share,
        cast(sized.engineer_days * sized.carve_out_share as double precision) as carve_out_days,
        cast(sized.committed_days as double precision) as committed_days,
        cast(sized.done_days as double precision) as done_days,
        cast(sized.logged_days as double precision) as logged_days,
        cast(
            sized.engineer_days * sized.carve_out_share - sized.committed_days - sized.done_days
            as double precision
        ) as spare_days,
        cast(
            (sized.committed_days + sized.done_days) / nullif(sized.engineer_days, 0)
            as double precision
        ) as planned_share,
        cast(sized.open_epic_count as bigint) as open_epic_count,
        cast(sized.unestimated_epic_count as bigint) as unestimated_epic_count,
        sized.wip_limit,
        sized.day_rate_usd,

        -- timestamps
        sized.quarter_starts_on
    from sized
)

select * from capacity
