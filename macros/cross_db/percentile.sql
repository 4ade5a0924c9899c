{# An interpolated percentile as an aggregate, ignoring nulls. #}
{% macro percentile(column, fraction) -%}
    {{ return(adapter.dispatch('percentile', 'paydown')(column, fraction)) }}
{%- endmacro %}

{% macro default__percentile(column, fraction) -%}
    percentile_cont({{ fraction }}) within group (order by {{ column }})
{%- endmacro %}

{# Its exact percentile is a window function; its aggregate is approximate. #}
{% macro bigquery__percentile(column, fraction) -%}
    {%- set sorted = 'array_agg(cast(' ~ column ~ ' as float64) ignore nulls order by ' ~ column ~ ')' -%}
    {%- set place = fraction ~ ' * (count(' ~ column ~ ') - 1)' -%}
    {%- set low = sorted ~ '[safe_offset(cast(floor(' ~ place ~ ') as int64))]' -%}
    {%- set high = sorted ~ '[safe_offset(cast(ceil(' ~ place ~ ') as int64))]' -%}
    ({{ low }} + ({{ place }} - floor({{ place }})) * ({{ high }} - {{ low }}))
{%- endmacro %}
