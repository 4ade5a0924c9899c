{{ config(materialized=var('single_use')) }}

{#
    The value of each target of targets.yaml before and now: counts, the value, and the ends of its
    95 % interval. Changes are of counts (by a normal interval of the logarithm of their ratio, with
    half an incident added to each) or of geometric means.
#}

with periods as (
    select * from {{ ref('int_outcomes__target_periods') }}
),

incidents as (
    select *
    from {{ ref('fct_incidents') }}
    where not is_flap
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

unreviewed as (
    select * from {{ ref('rpt_unreviewed_incidents') }}
),

action_items as (
    select * from {{ ref('fct_action_items') }}
),

funnel as (
    select * from {{ ref('fct_funnel') }}
),

pages as (
    select * from {{ ref('fct_pages') }}
),

burns as (
    select * from {{ ref('fct_incident_burn') }}
),

capacity as (
    select * from {{ ref('rpt_capacity') }}
),

maturity as (
    select * from {{ ref('fct_service_maturity_history') }}
),

-- Each event with whether it lies in the days (1) or in those before (0).
events as (
    select
        'postmortems_complete' as target_name,
        case when incidents.triggered_at >= periods.period_from then 1 else 0 end as is_now,
        case
            when postmortems.completed_at is not null
                then
                    case
                        when postmortems.business_days <= periods.within_business_days then 1.0
                        when postmortems.business_days > periods.within_business_days then 0.0
                    end
            -- Not complete yet: either late already, or still possibly in time.
            when
                coalesce(postmortems.business_days, unreviewed.business_days)
                > periods.within_business_days
                then 0.0
        end as amount
    from incidents
    inner join periods
        on
            incidents.triggered_at >= periods.baseline_from
            and incidents.triggered_at < periods.known_until
    left join postmortems on incidents.postmortem_id = postmortems.postmortem_id
    left join unreviewed on incidents.incident_id = unreviewed.incident_id
    where incidents.severity_level <= {{ var('review_severity') }}
    union all
    select
        'action_items_promoted' as target_name,
        case when action_items.decided_at >= periods.period_from then 1 else 0 end as is_now,
        case when action_items.is_promoted then 1.0 else 0.0 end as amount
    from action_items
    inner join periods
        on
            action_items.decided_at >= periods.baseline_from
            and action_items.decided_at < periods.known_until
    union all
    select
        'days_to_epic' as target_name,
        case when funnel.promoted_at >= periods.period_from then 1 else 0 end as is_now,
        -- Never before the review: see fct_funnel.
        cast(
            {{ seconds_between('funnel.reviewed_at', 'funnel.promoted_at') }}
            as double precision
        ) / 86400 as amount
    from funnel
    inner join periods
        on
            funnel.promoted_at >= periods.baseline_from
            and funnel.promoted_at < periods.known_until
    where funnel.reviewed_at is not null
    union all
    select
        'repeat_rate' as target_name,
        case when incidents.triggered_at >= periods.period_from then 1 else 0 end as is_now,
        1.0 as amount
    from incidents
    inner join periods
        on
            incidents.triggered_at >= periods.baseline_from
            and incidents.triggered_at < periods.known_until
    where incidents.is_repeat
    union all
    select
        'mttr' as target_name,
        case when incidents.triggered_at >= periods.period_from then 1 else 0 end as is_now,
        ln(cast(
            case when incidents.active_seconds < 1 then 1 else incidents.active_seconds end
            as double precision
        )) as amount
    from incidents
    inner join periods
        on
            incidents.triggered_at >= periods.baseline_from
            and incidents.triggered_at < periods.known_until
    where incidents.active_seconds is not null
    union all
    select
        'slo_burn' as target_name,
        case when burns.burn_starts_at >= periods.period_from then 1 else 0 end as is_now,
        burns.budget_spent as amount
    from burns
    inner join periods
        on
            burns.burn_starts_at >= periods.baseline_from
            and burns.burn_starts_at < periods.known_until
    where burns.budget_spent is not null
    union all
    select
        'pages_outside_business_hours' as target_name,
        case when pages.paged_at >= periods.period_from then 1 else 0 end as is_now,
        1.0 as amount
    from pages
    inner join periods
        on pages.paged_at >= periods.baseline_from and pages.paged_at < periods.known_until
    where pages.is_out_of_hours
    union all
    select
        'services_to_silver' as target_name,
        case
            when cast(maturity.changed_on as timestamp) >= periods.period_from then 1 else 0
        end as is_now,
        1.0 as amount
    from maturity
    inner join periods
        on
            cast(maturity.changed_on as timestamp) >= periods.baseline_from
            and cast(maturity.changed_on as timestamp) < periods.known_until
    where maturity.level_ordinal >= 2 and maturity.previous_level in ('bronze', 'none')
),

-- Before the first record nothing was counted, and in the first days nothing can repeat.
history as (
    select
        min(incidents.triggered_at) as first_incident_at,
        (select min(maturity.changed_on) from maturity) as first_level_on
    from incidents
),

names as (
    select 'postmortems_complete' as target_name
    {%- for target in [
        'action_items_promoted', 'days_to_epic', 'repeat_rate', 'mttr', 'slo_burn',
        'pages_outside_business_hours', 'services_to_silver',
    ] %}
        union all
        select '{{ target }}' as target_name
    {%- endfor %}
),

summed as (
    select
        names.target_name,
    {%- for half, is_now in [('baseline', 0), ('now', 1)] %}
        {%- set value = 'case when events.is_now = ' ~ is_now ~ ' then events.amount end' %}
        count({{ value }}) as {{ half }}_count,
        coalesce({{ exact_sum(value) }}, 0) as {{ half }}_total,
        {{ percentile(value, 0.5) }} as {{ half }}_median,
        {{ exact_variance(value) }} as {{ half }}_variance
        {{- ',' if not loop.last }}
    {%- endfor %}
    from names
    left join events on names.target_name = events.target_name
    group by names.target_name
),

ratios as (
    select
        summed.*,
        periods.period_share,
        periods.period_from,
        periods.baseline_from,
        case
            when summed.target_name = 'mttr'
                then
                    summed.now_total / nullif(summed.now_count, 0)
                    - summed.baseline_total / nullif(summed.baseline_count, 0)
            when summed.target_name = 'slo_burn'
                then
                    ln(
                        nullif(summed.now_total, 0)
                        / nullif(summed.baseline_total * periods.period_share, 0)
                    )
            when
                summed.target_name in ('repeat_rate', 'pages_outside_business_hours')
                and summed.baseline_count > 0
                then
                    ln(
                        (summed.now_count + 0.5)
                        / (summed.baseline_count * nullif(periods.period_share, 0) + 0.5)
                    )
        end as log_ratio,
        case
            when summed.target_name = 'mttr'
                then
                    sqrt(
                        summed.now_variance / nullif(summed.now_count, 0)
                        + summed.baseline_variance / nullif(summed.baseline_count, 0)
                    )
            when summed.target_name in ('repeat_rate', 'pages_outside_business_hours')
                then
                    sqrt(
                        1 / (cast(summed.now_count as double precision) + 0.5)
                        + 1 / (cast(summed.baseline_count as double precision) + 0.5)
                    )
        end as log_error
    from summed
    cross join periods
),

target_values as (
    select
        ratios.target_name,
        ratios.baseline_count,
        ratios.now_count,
        case
            when ratios.target_name in ('postmortems_complete', 'action_items_promoted')
                then ratios.baseline_total / nullif(ratios.baseline_count, 0)
            when ratios.target_name = 'days_to_epic' then ratios.baseline_median
            when ratios.target_name = 'mttr'
                then exp(ratios.baseline_total / nullif(ratios.baseline_count, 0))
            else ratios.baseline_total
        end as baseline_value,
        case
            when ratios.target_name in ('postmortems_complete', 'action_items_promoted')
                then ratios.now_total / nullif(ratios.now_count, 0)
            when ratios.target_name = 'days_to_epic' then ratios.now_median
            when ratios.target_name = 'mttr'
                then exp(ratios.now_total / nullif(ratios.now_count, 0))
            else ratios.now_total
        end as now_value,
        exp(ratios.log_ratio) - 1 as change_share,
        exp(ratios.log_ratio - 1.959964 * ratios.log_error) - 1 as change_low,
        exp(ratios.log_ratio + 1.959964 * ratios.log_error) - 1 as change_high,
        case
            when ratios.target_name = 'services_to_silver'
                then cast(history.first_level_on as timestamp) <= ratios.period_from
            when ratios.target_name = 'repeat_rate'
                then
                    {{ time_after('history.first_incident_at', 90, 'day') }}
                    <= {{ time_after('ratios.baseline_from', 7, 'day') }}
            else
                history.first_incident_at <= {{ time_after('ratios.baseline_from', 7, 'day') }}
        end as has_baseline,
        case
            when ratios.target_name in ('postmortems_complete', 'action_items_promoted')
                then {{ wilson_bound('ratios.now_total', 'ratios.now_count', 'low') }}
        end as share_low,
        case
            when ratios.target_name in ('postmortems_complete', 'action_items_promoted')
                then {{ wilson_bound('ratios.now_total', 'ratios.now_count', 'high') }}
        end as share_high
    from ratios
    cross join history
    union all
    select
        'capacity_share' as target_name,
        0 as baseline_count,
        count(capacity.engineer_days) as now_count,
        cast(null as double precision) as baseline_value,
        {{ exact_sum(
            'case when capacity.engineer_days > 0'
            ~ ' then capacity.committed_days + capacity.done_days end'
        ) }} / nullif({{ exact_sum('capacity.engineer_days') }}, 0) as now_value,
        cast(null as double precision) as change_share,
        cast(null as double precision) as change_low,
        cast(null as double precision) as change_high,
        true as has_baseline,
        cast(null as double precision) as share_low,
        cast(null as double precision) as share_high
    from capacity
)

select * from target_values
