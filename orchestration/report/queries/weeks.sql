-- One row per complete week of the last 26, oldest first: incidents, repeats, minutes to resolve, pages out of hours.
with moment as (
    select date_trunc('week', max(scoring_at)) as this_week from fct_service_scores where is_latest
),

weeks as (
    select (this_week - to_days(7 * n::integer))::date as week
    from moment
    cross join range(1, 27) as numbers (n)
),

incidents as (
    select
        date_trunc('week', triggered_at)::date as week,
        count(*) as incidents,
        count(*) filter (where is_repeat) as repeats,
        median(active_seconds) / 60 as mttr_minutes,
        count(active_seconds) as resolved,
        count(*) filter (where is_out_of_hours) as out_of_hours
    from fct_incidents
    group by 1
),

-- Before the first known incident nothing is known, so those weeks don't count as quiet.
known as (select min(week) as first_week from incidents)

select
    weeks.week,
    coalesce(incidents.incidents, 0) as incidents,
    coalesce(incidents.repeats, 0) as repeats,
    incidents.mttr_minutes,
    coalesce(incidents.resolved, 0) as resolved,
    coalesce(incidents.out_of_hours, 0) as out_of_hours
from weeks
inner join known on weeks.week >= known.first_week
left join incidents on weeks.week = incidents.week
order by weeks.week
