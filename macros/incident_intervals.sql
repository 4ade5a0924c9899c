{# The intervals in which incidents were active, from the tools that report them. #}
{% macro incident_intervals() -%}
    {%- for source in ['pagerduty', 'servicenow'] %}
        {{ 'union all' if not loop.first }}
        select
            '{{ source }}:' || reported.source_incident_id as incident_id,
            reported.interval_number,
            reported.started_at,
            reported.ended_at
        from {{ ref('int_incidents__' ~ source ~ '_intervals') }} as reported
    {%- endfor %}
{%- endmacro %}
