{#
    One row per pair of periods, metric and scored service: what happened to the service before and
    after, and whether an epic was delivered for it meanwhile. A service without incidents has 0
    everywhere. Repeats of a service are unknown where too few of its incidents say what failed.
#}
{%- set metrics = {
    'episodes': 'true',
    'repeats': 'incidents.is_repeat',
    'severe': 'incidents.severity_level <= ' ~ var('review_severity'),
    'out_of_hours': 'incidents.is_out_of_hours',
} -%}

with periods as (
    select * from {{ ref('int_outcomes__periods') }}
),

services as (
    select *
    from {{ ref('dim_services') }}
    where is_scored
),

epics as (
    select *
    from {{ ref('int_outcomes__epics') }}
    where delivered_at is not null
),

incidents as (
    select *
    from {{ ref('fct_incidents') }}
    where not is_flap and triggered_at <= {{ as_of() }}
),

{% for half in ('before', 'after') %}
    counted_{{ half }} as (
        select
            periods.period_id,
            incidents.service_id,
            {%- for metric, condition in metrics.items() %}
                sum(case when {{ condition }} then 1 else 0 end) as {{ metric }}_count,
            {%- endfor %}
            count(incidents.is_repeat) as known_count
        from incidents
        inner join periods
            on
                incidents.triggered_at >= periods.{{ half }}_from
                and incidents.triggered_at < periods.{{ half }}_until
        group by periods.period_id, incidents.service_id
    ),

{% endfor %}
treated as (
    select
        periods.period_id,
        epics.service_id,
        max(case when epics.delivered_at < periods.before_until then 1 else 0 end)
            as is_before
    from epics
    inner join periods
        on
            epics.delivered_at >= periods.before_from
            and epics.delivered_at < coalesce(periods.after_until, periods.before_until)
    group by periods.period_id, epics.service_id
),

joined as (
    select
        periods.period_id,
        periods.is_placebo,
        periods.before_days,
        periods.after_days,
        services.service_id,
        {%- for half in ('before', 'after') %}
            coalesce(counted_{{ half }}.known_count, 0) as {{ half }}_known_count,
            {%- for metric in metrics %}
                coalesce(counted_{{ half }}.{{ metric }}_count, 0) as {{ half }}_{{ metric }}_count,
            {%- endfor %}
        {%- endfor %}
        coalesce(treated.is_before = 1, false) as is_treated_before,
        treated.service_id is not null as is_treated
    from periods
    cross join services
    left join counted_before
        on
            periods.period_id = counted_before.period_id
            and services.service_id = counted_before.service_id
    left join counted_after
        on
            periods.period_id = counted_after.period_id
            and services.service_id = counted_after.service_id
    left join treated
        on
            periods.period_id = treated.period_id
            and services.service_id = treated.service_id
),

counts as (
    {%- for metric in metrics %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            joined.period_id,
            joined.service_id,
            '{{ metric }}' as metric,
            joined.before_days,
            joined.after_days,
            joined.before_{{ metric }}_count as before_count,
            case when joined.after_days is not null then joined.after_{{ metric }}_count end
                as after_count,
            joined.before_known_count
            >= {{ var('repeat_min_known_share') }} * joined.before_episodes_count
                as is_before_known,
            joined.after_known_count
            >= {{ var('repeat_min_known_share') }} * joined.after_episodes_count
                as is_after_known,
            joined.is_placebo,
            joined.is_treated_before,
            joined.is_treated
        from joined
    {%- endfor %}
),

-- Where few incidents say what failed, repeats are unknown, not 0.
known as (
    select
        counts.period_id,
        counts.service_id,
        counts.metric,
        counts.before_days,
        counts.after_days,
        case when counts.metric != 'repeats' or counts.is_before_known then counts.before_count end
            as before_count,
        case when counts.metric != 'repeats' or counts.is_after_known then counts.after_count end
            as after_count,
        counts.is_placebo,
        counts.is_treated_before,
        counts.is_treated
    from counts
)

select * from known
