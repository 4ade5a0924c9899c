{# The only clock: the moment that every window ends at, in UTC without a zone. #}
{% macro as_of() -%}
    {%- set moment = var('as_of') or run_started_at.strftime('%Y-%m-%d %H:%M:%S') -%}
    cast('{{ moment | replace("T", " ") | replace("Z", "") }}' as timestamp)
{%- endmacro %}
