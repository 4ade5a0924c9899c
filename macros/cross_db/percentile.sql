{# An interpolated percentile as an aggregate, nulls left out. #}
{% macro percentile(column, fraction) -%}
    {{ return(adapter.dispatch('percentile', 'paydown')(column, fraction)) }}
{%- endmacro %}

{% macro default__percentile(column, fraction) -%}
    percentile_cont({{ fraction }}) within group (order by {{ column }})
{%- endmacro %}
