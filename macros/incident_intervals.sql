{# The intervals in which incidents were active, from the tools that report them. #}
{% macro incident_intervals() -%}
    {%- for source in ['pagerduty', 'servicenow'] %}
        {{ 'union all' if not loop.first }}
        select
            '{{ source }}:' || told.source_incident_id as incident_id,
            told.interval_number,
            told.started_at,
            told.ended_at
        from {{ ref('int_incidents__' ~ source ~ '_intervals') }} as told
    {%- endfor %}
{%- endmacro %}
