{# A sum that doesn't depend on the order of rows: in decimals, returned as a double. #}
{% macro exact_sum(expression, decimals=6) -%}
    {{ return(adapter.dispatch('exact_sum', 'paydown')(expression, decimals)) }}
{%- endmacro %}

{% macro default__exact_sum(expression, decimals) -%}
    cast(sum(cast({{ expression }} as numeric({{ 22 + decimals }}, {{ decimals }}))) as double precision)
{%- endmacro %}
