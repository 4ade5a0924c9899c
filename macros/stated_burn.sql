{#
    The share of an error budget that incidents with a stated burn rate spent, by day and service,
    and the most urgent alert that such a rate triggers. The rate held while the incident was
    active; it counts on days without measurements. Incidents within one period of 30 days spend
    from one budget. Stated rates are rounded like the thresholds of alerts, so a rate equal to a
    threshold reaches it.
#}
{% macro stated_burn(stated, daily_burn) -%}
    {%- set windows = burn_windows() -%}
    select
        accumulated.scoring_date,
        accumulated.service_id,
        cast(max(accumulated.budget_spent) as double precision) as budget_spent,
        max(accumulated.burn_alert) as burn_alert
    from (
        select
            rated.scoring_date,
            rated.service_id,
            case
                {%- for long, short, threshold, kind in burn_alerts() | reverse %}
                    when
                        rated.slo_burn_rate * least(rated.active_seconds, {{ windows[long] }})
                        >= {{ threshold }} * {{ windows[long] }}
                        then {{ 5 - loop.index }}
                {%- endfor %}
                else 0
            end as burn_alert,
            sum(
                cast(rated.slo_burn_rate * rated.active_seconds / 2592000.0 as numeric(28, 9))
            ) over (
                partition by rated.scoring_date, rated.service_id
                order by rated.triggered_epoch
                range between 2591999 preceding and current row
            ) as budget_spent
        from (
            select
                {{ stated }}.*,
                cast(
                    {{ seconds_between(
                        "cast('1970-01-01' as timestamp)", stated ~ '.triggered_at'
                    ) }} as bigint
                ) as triggered_epoch
            from {{ stated }}
            left join {{ daily_burn }}
                on
                    {{ stated }}.service_id = {{ daily_burn }}.service_id
                    and cast({{ stated }}.triggered_at as date) = {{ daily_burn }}.measured_on
            where
                {{ daily_burn }}.service_id is null
                and {{ stated }}.slo_burn_rate is not null
                and {{ stated }}.active_seconds is not null
        ) as rated
    ) as accumulated
    group by accumulated.scoring_date, accumulated.service_id
{%- endmacro %}
