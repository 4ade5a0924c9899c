{#
    The article's question, column for column: who repeats, how long it takes, what it burns and
    what it costs, over the 90 days before as_of.
#}
with incidents as (
    select * from {{ ref('fct_incidents') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

recent as (
    select
        coalesce(services.service_name, incidents.service_id) as service,
        incidents.is_repeat,
        incidents.elapsed_seconds,
        incidents.slo_burn_rate,
        incidents.revenue_impact_usd
    from incidents
    left join services on incidents.service_id = services.service_id
    where incidents.triggered_at >= {{ time_after(as_of(), -90, 'day') }}
),

offenders as (
    select
        recent.service,
        count(*) as incident_count,
        cast(sum(case when recent.is_repeat then 1 else 0 end) as bigint) as repeats,
        cast(avg(recent.elapsed_seconds) / 60.0 as double precision) as avg_mttr_min,
        {{ exact_sum('recent.slo_burn_rate') }} as total_burn,
        {{ exact_sum('recent.revenue_impact_usd') }} as revenue_hit
    from recent
    group by recent.service
)

select * from offenders
order by
    repeats desc,
    case when total_burn is null then 1 else 0 end,
    total_burn desc,
    service
