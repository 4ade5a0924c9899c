{#
    The case for an epic of each candidate: the state in the rubric's window, and what targets.yaml
    requires in as many days after delivery. Unknown is empty, not 0.
#}
with candidates as (
    select * from {{ ref('rpt_promotion_candidates') }}
),

windowed as (
    select * from {{ ref('int_promotion__windowed') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

costs as (
    select * from {{ ref('fct_incident_costs') }}
),

scoring as (
    select * from {{ ref('stg_modernization__scoring') }}
),

target_values as (
    select * from {{ ref('stg_modernization__target_values') }}
),

counted as (
    select
        windowed.candidate_id,
        count(*) as incident_count,
        count(windowed.active_seconds) as resolved_count,
        sum(case when windowed.is_repeat then 1 else 0 end) as repeats,
        count(windowed.is_repeat) as comparable_count,
        sum(case when incidents.severity_level <= {{ var('review_severity') }} then 1 else 0 end)
            as severe_count,
        count(incidents.severity_level) as graded_count,
        sum(case when incidents.is_out_of_hours then 1 else 0 end) as out_of_hours_count,
        count(incidents.is_out_of_hours) as timed_count,
        {{ percentile('windowed.active_seconds', 0.5) }} as median_active_seconds,
        count(costs.cost_usd) as costed_count,
        {{ exact_sum('costs.cost_usd') }} as cost_usd,
        {{ exact_sum(
            "case when costs.revenue_source = 'stated' then costs.revenue_impact_usd end"
        ) }} as stated_usd
    from windowed
    inner join incidents on windowed.incident_id = incidents.incident_id
    left join costs on windowed.incident_id = costs.incident_id
    group by windowed.candidate_id
),

-- As in the score: with too few comparable incidents, repeats are unknown.
known as (
    select
        candidates.service_id,
        candidates.team_id,
        candidates.service_name,
        candidates.owner,
        candidates.scoring_date,
        scoring.window_days,
        coalesce(counted.incident_count, 0) as incident_count,
        coalesce(counted.resolved_count, 0) as resolved_count,
        case
            when
                counted.comparable_count
                >= {{ var('repeat_min_known_share') }} * counted.incident_count
                then counted.repeats
        end as repeats,
        case when counted.graded_count > 0 then counted.severe_count end as severe_count,
        case when counted.timed_count > 0 then counted.out_of_hours_count end
            as out_of_hours_count,
        counted.median_active_seconds,
        coalesce(counted.costed_count, 0) as costed_count,
        counted.cost_usd,
        case when counted.cost_usd is not null then coalesce(counted.stated_usd, 0) end
            as stated_usd,
        target_values.repeat_rate_change,
        target_values.mttr_change,
        target_values.pages_outside_business_hours_change as out_of_hours_change
    from candidates
    cross join scoring
    left join counted on candidates.service_id = counted.candidate_id
    left join target_values on true
),

cases as (
    select
        -- ids
        known.service_id,
        known.team_id,

        -- strings
        known.service_name,
        known.owner,

        -- numbers
        cast(known.window_days as bigint) as window_days,
        cast(known.incident_count as bigint) as incident_count,
        cast(known.resolved_count as bigint) as resolved_count,
        cast(known.severe_count as bigint) as severe_count,
        cast(known.repeats as bigint) as repeats,
        cast(floor(known.repeats * (1 + known.repeat_rate_change)) as bigint)
            as repeats_target,
        cast(known.out_of_hours_count as bigint) as out_of_hours_count,
        cast(floor(known.out_of_hours_count * (1 + known.out_of_hours_change)) as bigint)
            as out_of_hours_target,
        cast(known.median_active_seconds as double precision) as median_active_seconds,
        cast(known.median_active_seconds * (1 + known.mttr_change) as double precision)
            as median_active_seconds_target,
        cast(known.costed_count as bigint) as costed_count,
        cast(known.cost_usd as double precision) as cost_usd,
        cast(known.stated_usd as double precision) as stated_usd,

        -- timestamps
        known.scoring_date
    from known
)

select * from cases
