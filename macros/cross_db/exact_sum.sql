{# A sum that is the same in whatever order rows are added: in decimals, returned as a double. #}
{% macro exact_sum(expression) -%}
    {{ return(adapter.dispatch('exact_sum', 'paydown')(expression)) }}
{%- endmacro %}

{% macro default__exact_sum(expression) -%}
    cast(sum(cast({{ expression }} as numeric(28, 6))) as double precision)
{%- endmacro %}
