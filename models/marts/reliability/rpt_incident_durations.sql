{#
    Durations by measure, group and window. An incident whose duration has not ended is counted as
    open, never as if it ended now; unknown durations are counted too.
#}
with incident_durations as (
    select * from {{ ref('int_incidents__durations') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

report_windows as (
    select * from {{ ref('stg_calendar__report_windows') }}
),

settings as (
    select * from {{ ref('stg_calendar__reports') }}
),

windowed as (
    select
        incident_durations.measure,
        incident_durations.duration_seconds,
        incident_durations.is_flap,
        incident_durations.is_open,
        report_windows.window_days,
        incident_durations.service_id,
        coalesce(services.service_name, incident_durations.service_id) as service_name,
        coalesce(services.team_id, 'none') as team_id,
        coalesce(teams.team_name, services.team_id, 'none') as team_name,
        coalesce(cast(incident_durations.severity_level as varchar), 'none') as severity
    from incident_durations
    inner join report_windows
        on {{ in_window('incident_durations.triggered_at', 'report_windows.window_days') }}
    left join services on incident_durations.service_id = services.service_id
    left join teams on services.team_id = teams.team_id
),

summarised as (
    {%- for kind, value, name in [
        ('all', none, "cast('all' as varchar)"),
        ('service', 'windowed.service_id', 'windowed.service_name'),
        ('team', 'windowed.team_id', 'windowed.team_name'),
        ('severity', 'windowed.severity', 'windowed.severity'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ kind }}' as dimension_kind,
            {{ value or "'all'" }} as dimension_value,
            min({{ name }}) as dimension_name,
            windowed.measure,
            windowed.window_days,
            count(*) as incident_count,
            sum(case when windowed.is_flap then 0 else 1 end) as episode_count,
            count(windowed.duration_seconds) as measured_count,
            sum(case when windowed.duration_seconds is null and windowed.is_open then 1 else 0 end)
                as open_count,
            {{ percentile('windowed.duration_seconds', 0.5) }} as p50_seconds,
            {{ percentile('windowed.duration_seconds', 0.9) }} as p90_seconds,
            {{ geometric_mean('windowed.duration_seconds') }} as geometric_mean_seconds,
            avg(windowed.duration_seconds) as mean_seconds
        from windowed
        group by {{ value ~ ', ' if value }}windowed.measure, windowed.window_days
    {%- endfor %}
),

durations as (
    select
        -- ids
        cast(
            summarised.dimension_kind || ' ' || summarised.dimension_value || ' '
            || summarised.measure || ' ' || cast(summarised.window_days as varchar) as varchar
        ) as duration_id,

        -- strings
        cast(summarised.dimension_kind as varchar) as dimension_kind,
        cast(summarised.dimension_value as varchar) as dimension_value,
        cast(summarised.dimension_name as varchar) as dimension_name,
        cast(summarised.measure as varchar) as measure,

        -- numbers
        cast(summarised.window_days as bigint) as window_days,
        cast(summarised.incident_count as bigint) as incident_count,
        cast(summarised.episode_count as bigint) as episode_count,
        cast(summarised.measured_count as bigint) as measured_count,
        cast(summarised.open_count as bigint) as open_count,
        cast(
            summarised.incident_count - summarised.measured_count - summarised.open_count
            as bigint
        ) as unknown_count,
        cast(summarised.p50_seconds as double precision) as p50_seconds,
        cast(summarised.p90_seconds as double precision) as p90_seconds,
        -- Working seconds are mostly 0 at night, so they have no geometric mean.
        cast(
            case
                when summarised.measure not like 'business%'
                    then summarised.geometric_mean_seconds
            end as double precision
        ) as geometric_mean_seconds,
        cast(summarised.mean_seconds as double precision) as mean_seconds,

        -- booleans
        summarised.measured_count < settings.min_incidents as is_too_few,

        -- timestamps
        {{ time_after(as_of(), '-summarised.window_days', 'day') }} as window_starts_at,
        {{ as_of() }} as window_ends_at
    from summarised
    cross join settings
)

select * from durations
