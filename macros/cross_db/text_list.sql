{#
    The texts of a group in one text, in an order, nulls left out; null where there is none. The
    separator is a SQL literal, the order is `order by ...`. dbt's own listagg is not used where it
    forgets the order or makes an empty text of nothing (dbt-spark's does both).
#}
{% macro text_list(expression, separator, order_by) -%}
    {{ return(adapter.dispatch('text_list', 'paydown')(expression, separator, order_by)) }}
{%- endmacro %}

{% macro default__text_list(expression, separator, order_by) -%}
    {{ dbt.listagg(expression, separator, order_by) }}
{%- endmacro %}

{# Snowflake's is an empty text where every value is null. #}
{% macro snowflake__text_list(expression, separator, order_by) -%}
    nullif(listagg({{ expression }}, {{ separator }}) within group ({{ order_by }}), '')
{%- endmacro %}

{% macro spark__text_list(expression, separator, order_by) -%}
    listagg({{ expression }}, {{ separator }}) within group ({{ order_by }})
{%- endmacro %}
