{#
    Services by day (UTC), from the first incident on, at most `daily_days` back: the basis of
    trends. A day without incidents has a count of 0; unknown values are null.
#}
with services as (
    select * from {{ ref('dim_services') }}
),

incidents as (
    select
        facts.*,
        cast(facts.triggered_at as date) as incident_date
    from {{ ref('fct_incidents') }} as facts
),

pages as (
    select
        facts.*,
        cast(facts.paged_at as date) as page_date
    from {{ ref('fct_pages') }} as facts
),

budgets as (
    select * from {{ ref('int_slo__budgets') }}
),

pieces as (
    select * from {{ ref('int_slo__pieces') }}
),

daily_burn as (
    select * from {{ ref('int_slo__daily_burn') }}
),

scores as (
    select * from {{ ref('fct_service_scores') }}
),

first_days as (
    select cast(min(incidents.triggered_at) as date) as first_date
    from incidents
),

days as (
    select cast({{ dbt.dateadd('day', '0 - numbers.n', as_of()) }} as date) as service_date
    from {{ numbers(var('daily_days')) }} as numbers
),

service_days as (
    select
        services.*,
        days.service_date
    from services
    cross join days
    inner join first_days on days.service_date >= first_days.first_date
),

counted as (
    select
        incidents.service_id,
        incidents.incident_date,
        count(*) as incident_count,
        sum(case when incidents.is_flap then 0 else 1 end) as episode_count,
        sum(case when incidents.severity_level <= {{ var('review_severity') }} then 1 else 0 end)
            as severe_count,
        count(incidents.is_repeat) as comparable_count,
        sum(case when incidents.is_repeat then 1 else 0 end) as repeat_count,
        sum(case when incidents.is_open then 1 else 0 end) as open_count,
        count(incidents.active_seconds) as resolved_count,
        sum(incidents.active_seconds) as active_seconds,
        {{ percentile('incidents.active_seconds', 0.5) }} as p50_active_seconds,
        count(incidents.time_to_acknowledge_seconds) as acknowledged_count,
        sum(incidents.time_to_acknowledge_seconds) as acknowledge_seconds,
        {{ percentile('incidents.time_to_acknowledge_seconds', 0.5) }} as p50_acknowledge_seconds,
        {{ exact_sum('incidents.revenue_impact_usd') }} as revenue_impact_usd
    from incidents
    group by incidents.service_id, incidents.incident_date
),

paged as (
    select
        pages.service_id,
        pages.page_date,
        sum(case when pages.is_out_of_hours then 0 else 1 end) as in_hours_count,
        sum(case when pages.is_out_of_hours then 1 else 0 end) as out_of_hours_count
    from pages
    group by pages.service_id, pages.page_date
),

-- What was measured of each objective on each day, by each source.
measured as (
    select
        pieces.slo_id,
        pieces.burn_source,
        pieces.day_number,
        {{ exact_sum('(pieces.ends_epoch - pieces.starts_epoch) * pieces.covered_share') }}
            as covered_seconds,
        {{ exact_sum(
            '(pieces.ends_epoch - pieces.starts_epoch) * pieces.covered_share * pieces.burn_rate'
        ) }} as burnt_seconds
    from pieces
    where pieces.burn_rate is not null
    group by pieces.slo_id, pieces.burn_source, pieces.day_number
),

-- Of two sources the one that measured more of the day counts.
ranked as (
    select
        measured.*,
        row_number() over (
            partition by measured.slo_id, measured.day_number
            order by measured.covered_seconds desc, measured.burn_source desc
        ) as source_rank
    from measured
    where measured.covered_seconds > 0
),

-- Of several objectives the one that burnt fastest.
burnt as (
    select
        budgets.service_id,
        cast(
            {{ time_after("cast('1970-01-01' as timestamp)", 'ranked.day_number', 'day') }} as date
        ) as burn_date,
        max(ranked.burnt_seconds / ranked.covered_seconds) as burn_rate
    from ranked
    inner join budgets on ranked.slo_id = budgets.slo_id
    where ranked.source_rank = 1
    group by budgets.service_id, ranked.day_number
),

daily as (
    select
        -- ids
        cast(
            service_days.service_id || ' ' || cast(service_days.service_date as varchar) as varchar
        ) as service_day_id,
        service_days.service_id,
        service_days.team_id,

        -- strings
        service_days.service_name,
        service_days.owner,
        scores.band,

        -- numbers
        cast(coalesce(counted.incident_count, 0) as bigint) as incident_count,
        cast(coalesce(counted.episode_count, 0) as bigint) as episode_count,
        cast(coalesce(counted.severe_count, 0) as bigint) as severe_count,
        cast(coalesce(counted.comparable_count, 0) as bigint) as comparable_count,
        cast(
            case
                when counted.service_id is null then 0
                when counted.comparable_count > 0 then counted.repeat_count
            end as bigint
        ) as repeat_count,
        cast(coalesce(counted.open_count, 0) as bigint) as open_count,
        cast(coalesce(counted.resolved_count, 0) as bigint) as resolved_count,
        cast(counted.active_seconds as bigint) as active_seconds,
        cast(counted.p50_active_seconds as double precision) as p50_active_seconds,
        cast(coalesce(counted.acknowledged_count, 0) as bigint) as acknowledged_count,
        cast(counted.acknowledge_seconds as bigint) as acknowledge_seconds,
        cast(counted.p50_acknowledge_seconds as double precision) as p50_acknowledge_seconds,
        cast(burnt.burn_rate as double precision) as burn_rate,
        cast(1 - daily_burn.budget_spent as double precision) as budget_remaining,
        cast(coalesce(paged.in_hours_count, 0) as bigint) as in_hours_page_count,
        cast(coalesce(paged.out_of_hours_count, 0) as bigint) as out_of_hours_page_count,
        cast(
            case when counted.service_id is null then 0 else counted.revenue_impact_usd end
            as double precision
        ) as revenue_impact_usd,
        scores.score,
        scores.score_rank,

        -- timestamps
        service_days.service_date
    from service_days
    left join counted
        on
            service_days.service_id = counted.service_id
            and service_days.service_date = counted.incident_date
    left join paged
        on
            service_days.service_id = paged.service_id
            and service_days.service_date = paged.page_date
    left join burnt
        on
            service_days.service_id = burnt.service_id
            and service_days.service_date = burnt.burn_date
    left join daily_burn
        on
            service_days.service_id = daily_burn.service_id
            and service_days.service_date = daily_burn.measured_on
    left join scores
        on
            service_days.service_id = scores.service_id
            and service_days.service_date = scores.scoring_date
)

select * from daily
