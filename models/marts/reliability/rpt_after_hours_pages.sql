with pages as (
    select *
    from {{ ref('int_calendar__pages') }}
    where is_page
),

teams as (
    select * from {{ ref('dim_teams') }}
),

counted as (
    select
        pages.week_starts_on,
        pages.team_id,
        pages.responder_id,
        max(pages.responder_name) as responder_name,
        count(*) as page_count,
        sum(case when pages.is_out_of_hours then 1 else 0 end) as out_of_hours_count,
        sum(case when pages.page_time = 'night' then 1 else 0 end) as night_count,
        sum(case when pages.page_time = 'weekend' then 1 else 0 end) as weekend_count,
        sum(case when pages.page_time = 'holiday' then 1 else 0 end) as holiday_count,
        sum(case when pages.page_source = 'notification' then 1 else 0 end) as notified_count,
        sum(case when pages.is_calendar_assumed then 1 else 0 end) as assumed_count
    from pages
    group by pages.week_starts_on, pages.team_id, pages.responder_id
),

reported as (
    select
        -- ids
        cast(
            cast(counted.week_starts_on as varchar) || ' ' || coalesce(counted.team_id, 'none')
            || ' ' || coalesce(counted.responder_id, 'none') as varchar
        ) as week_responder_id,
        counted.team_id,
        counted.responder_id,

        -- strings
        teams.team_name as owner,
        counted.responder_name,

        -- numbers
        cast(counted.page_count as bigint) as page_count,
        cast(counted.out_of_hours_count as bigint) as out_of_hours_count,
        cast(counted.night_count as bigint) as night_count,
        cast(counted.weekend_count as bigint) as weekend_count,
        cast(counted.holiday_count as bigint) as holiday_count,
        cast(counted.notified_count as bigint) as notified_count,
        cast(counted.assumed_count as bigint) as assumed_count,
        cast(counted.out_of_hours_count as double precision) / counted.page_count
            as out_of_hours_share,

        -- timestamps
        counted.week_starts_on
    from counted
    left join teams on counted.team_id = teams.team_id
)

select * from reported
