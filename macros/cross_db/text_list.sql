{#
    The texts of a group joined in an order, ignoring nulls; null where there are none. The
    separator is a SQL literal, the order is `order by ...`. dbt's own listagg is not used where it
    ignores the order or returns an empty text for nothing (dbt-spark's does both).
#}
{% macro text_list(expression, separator, order_by) -%}
    {{ return(adapter.dispatch('text_list', 'paydown')(expression, separator, order_by)) }}
{%- endmacro %}

{% macro default__text_list(expression, separator, order_by) -%}
    {{ dbt.listagg(expression, separator, order_by) }}
{%- endmacro %}

{# Snowflake's returns an empty text where every value is null. #}
{% macro snowflake__text_list(expression, separator, order_by) -%}
    nullif(listagg({{ expression }}, {{ separator }}) within group ({{ order_by }}), '')
{%- endmacro %}

{% macro spark__text_list(expression, separator, order_by) -%}
    listagg({{ expression }}, {{ separator }}) within group ({{ order_by }})
{%- endmacro %}
