{#
    How many incidents that deserved a review reached each stage, by the window in which they
    occurred, and how long the next stage took; compared with the previous window.
#}
{%- set stages = [
    'occurred', 'reviewed', 'tagged', 'scored', 'promoted', 'funded', 'shipped', 'proven',
] -%}

with funnel as (
    select * from {{ ref('fct_funnel') }}
),

report_windows as (
    select * from {{ ref('stg_calendar__report_windows') }}
),

windowed as (
    select
        report_windows.window_days,
        case
            when
                funnel.occurred_at
                >= {{ time_after(as_of(), '-report_windows.window_days', 'day') }}
                then 1
            else 0
        end as is_now,
        funnel.*
    from report_windows
    inner join funnel
        on
            {{ time_after(as_of(), '-2 * report_windows.window_days', 'day') }}
            <= funnel.occurred_at
),

counted as (
    {%- for stage in stages %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            windowed.window_days,
            {{ loop.index }} as stage_number,
            '{{ stage }}' as stage,  -- noqa: RF04
            sum(windowed.is_now) as total_count,
            sum(case when windowed.stage_number >= {{ loop.index }} then windowed.is_now else 0 end)
                as incident_count,
            sum(1 - windowed.is_now) as previous_total_count,
            sum(
                case
                    when windowed.stage_number >= {{ loop.index }} then 1 - windowed.is_now else 0
                end
            )
                as previous_incident_count,
            {%- if loop.last %}
                cast(null as double precision) as median_days_to_next,
                cast(null as double precision) as p90_days_to_next
            {%- else %}
                {#-
                    An approval or an open epic can be older than the incident: then there are no
                    days.
                -#}
                {%- set days -%}
                    case
                        when windowed.is_now = 1 and windowed.{{ stage }}_at > windowed.{{ stages[loop.index] }}_at
                            then 0
                        when windowed.is_now = 1
                            then
                                cast({{ seconds_between(
                                    'windowed.' ~ stage ~ '_at',
                                    'windowed.' ~ stages[loop.index] ~ '_at'
                                ) }} as double precision) / 86400
                    end
                {%- endset %}
                {{ percentile(days, 0.5) }} as median_days_to_next,
                {{ percentile(days, 0.9) }} as p90_days_to_next
            {%- endif %}
        from windowed
        group by windowed.window_days
    {%- endfor %}
),

report as (
    select
        -- ids
        cast(cast(counted.window_days as varchar) || ' ' || counted.stage as varchar)
            as funnel_id,

        -- strings
        cast(counted.stage as varchar) as stage,  -- noqa: RF04

        -- numbers
        cast(counted.window_days as bigint) as window_days,
        cast(counted.stage_number as bigint) as stage_number,
        cast(counted.incident_count as bigint) as incident_count,
        cast(counted.incident_count as double precision) / nullif(counted.total_count, 0)
            as reached_share,
        cast(
            {{ wilson_bound('counted.incident_count', 'counted.total_count', 'low') }}
            as double precision
        ) as reached_share_low,
        cast(
            {{ wilson_bound('counted.incident_count', 'counted.total_count', 'high') }}
            as double precision
        ) as reached_share_high,
        cast(counted.previous_incident_count as bigint) as previous_incident_count,
        cast(counted.previous_incident_count as double precision)
        / nullif(counted.previous_total_count, 0) as previous_reached_share,
        cast(counted.median_days_to_next as double precision) as median_days_to_next,
        cast(counted.p90_days_to_next as double precision) as p90_days_to_next
    from counted
)

select * from report
