{#
    The article's question, column by column: who repeats, how long incidents last, what they burn
    and what they cost, over the rubric's window before as_of.
#}
with incidents as (
    select * from {{ ref('fct_incidents') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

recent as (
    select
        incidents.service_id,
        settings.window_days,
        incidents.is_repeat,
        incidents.elapsed_seconds,
        incidents.active_seconds,
        incidents.slo_burn_rate,
        incidents.revenue_impact_usd,
        incidents.triggered_at
    from incidents
    inner join settings
        on {{ in_window('incidents.triggered_at', 'settings.window_days') }}
),

summed as (
    select
        recent.service_id,
        min(recent.window_days) as window_days,
        count(*) as incident_count,
        cast(sum(case when recent.is_repeat then 1 else 0 end) as bigint) as repeats,
        cast(avg(recent.elapsed_seconds) as double precision) / 60 as mean_elapsed_minutes,
        cast({{ percentile('recent.active_seconds', 0.5) }} as double precision) / 60
            as median_active_minutes,
        {{ exact_sum('recent.slo_burn_rate') }} as total_burn,
        {{ exact_sum('recent.revenue_impact_usd') }} as revenue_hit,
        min(recent.triggered_at) as first_seen_at,
        max(recent.triggered_at) as last_seen_at
    from recent
    group by recent.service_id
),

-- Services with one name in two namespaces are two rows.
offenders as (
    select
        -- ids
        summed.service_id,
        services.team_id,

        -- strings
        coalesce(services.service_name, summed.service_id) as service_name,
        coalesce(services.service_name, summed.service_id) as service,
        services.owner,

        -- numbers
        cast(summed.window_days as bigint) as window_days,
        summed.incident_count,
        summed.repeats,
        summed.mean_elapsed_minutes as avg_mttr_min,
        summed.mean_elapsed_minutes,
        summed.median_active_minutes,
        summed.total_burn,
        summed.revenue_hit,

        -- timestamps
        summed.first_seen_at,
        summed.last_seen_at
    from summed
    left join services on summed.service_id = services.service_id
)

select * from offenders
order by
    repeats desc,
    case when total_burn is null then 1 else 0 end,
    total_burn desc,
    service,
    service_id
