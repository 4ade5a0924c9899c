{# A sum that is the same in whatever order rows are added: in decimals, returned as a double. #}
{% macro exact_sum(expression, decimals=6) -%}
    {{ return(adapter.dispatch('exact_sum', 'paydown')(expression, decimals)) }}
{%- endmacro %}

{% macro default__exact_sum(expression, decimals) -%}
    cast(sum(cast({{ expression }} as numeric({{ 22 + decimals }}, {{ decimals }}))) as double precision)
{%- endmacro %}
