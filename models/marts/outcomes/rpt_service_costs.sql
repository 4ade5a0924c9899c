{#
    What each service cost in each quarter: its incidents, by part and by whether it was stated or
    measured, and its infrastructure as billed by finance. Unknown is empty, not 0.
#}
{%- set revenue_stated -%}
    case when incident_costs.revenue_source = 'stated' then incident_costs.revenue_impact_usd end
{%- endset -%}
{%- set revenue_estimated -%}
    case when incident_costs.revenue_source = 'estimated' then incident_costs.revenue_impact_usd end
{%- endset -%}
{%- set labor_known -%}
    case when incident_costs.labor_source = 'responders known' then incident_costs.labor_usd end
{%- endset -%}
{%- set labor_assumed -%}
    case
        when incident_costs.labor_source = 'one responder assumed' then incident_costs.labor_usd
    end
{%- endset -%}

with incident_costs as (
    select *
    from {{ ref('fct_incident_costs') }}
    where triggered_at <= {{ as_of() }}
),

amounts as (
    select
        finance.*,
        cast({{ dbt.date_trunc('quarter', 'finance.period_starts_on') }} as date)
            as quarter_starts_on
    from {{ ref('int_finance__amounts') }} as finance
    where
        finance.amount_kind = 'infrastructure cost'
        and finance.period_starts_on <= cast({{ as_of() }} as date)
),

services as (
    select * from {{ ref('dim_services') }}
),

by_incidents as (
    select
        incident_costs.service_id,
        incident_costs.quarter_starts_on,
        count(*) as incident_count,
        sum(case when incident_costs.revenue_source = 'unknown' then 1 else 0 end)
            as unknown_revenue_count,
        {{ exact_sum('incident_costs.responder_hours') }} as responder_hours,
        {{ exact_sum(revenue_stated) }} as revenue_stated_usd,
        {{ exact_sum(revenue_estimated) }} as revenue_estimated_usd,
        {{ exact_sum(labor_known) }} as labor_known_usd,
        {{ exact_sum(labor_assumed) }} as labor_assumed_usd,
        {{ exact_sum('incident_costs.cost_usd') }} as incident_usd
    from incident_costs
    where incident_costs.service_id is not null
    group by incident_costs.service_id, incident_costs.quarter_starts_on
),

by_bills as (
    select
        amounts.unit_id as service_id,
        amounts.quarter_starts_on,
        count(*) as infrastructure_months,
        {{ exact_sum('amounts.amount') }} as infrastructure_usd
    from amounts
    group by amounts.unit_id, amounts.quarter_starts_on
),

spans as (
    select
        by_incidents.service_id,
        by_incidents.quarter_starts_on
    from by_incidents
    union distinct
    select
        by_bills.service_id,
        by_bills.quarter_starts_on
    from by_bills
),

service_costs as (
    select
        -- ids
        cast(spans.service_id || ' ' || cast(spans.quarter_starts_on as varchar) as varchar)
            as service_quarter_id,
        services.service_id,
        services.team_id,

        -- strings
        cast(coalesce(services.service_name, spans.service_id) as varchar) as service_name,
        services.owner,

        -- numbers
        cast(coalesce(by_incidents.incident_count, 0) as bigint) as incident_count,
        cast(coalesce(by_incidents.unknown_revenue_count, 0) as bigint) as unknown_revenue_count,
        cast(by_incidents.responder_hours as double precision) as responder_hours,
        cast(by_incidents.revenue_stated_usd as double precision) as revenue_stated_usd,
        cast(by_incidents.revenue_estimated_usd as double precision) as revenue_estimated_usd,
        cast(by_incidents.labor_known_usd as double precision) as labor_known_usd,
        cast(by_incidents.labor_assumed_usd as double precision) as labor_assumed_usd,
        cast(by_incidents.incident_usd as double precision) as incident_usd,
        cast(
            (
                coalesce(by_incidents.revenue_estimated_usd, 0)
                + coalesce(by_incidents.labor_assumed_usd, 0)
            ) / nullif(by_incidents.incident_usd, 0) as double precision
        ) as estimated_share,
        cast(coalesce(by_bills.infrastructure_months, 0) as bigint) as infrastructure_months,
        cast(by_bills.infrastructure_usd as double precision) as infrastructure_usd,

        -- booleans
        coalesce(services.is_catalogued, false) as is_catalogued,

        -- timestamps
        spans.quarter_starts_on
    from spans
    left join services on spans.service_id = services.service_id
    left join by_incidents
        on
            spans.service_id = by_incidents.service_id
            and spans.quarter_starts_on = by_incidents.quarter_starts_on
    left join by_bills
        on
            spans.service_id = by_bills.service_id
            and spans.quarter_starts_on = by_bills.quarter_starts_on
)

select * from service_costs
