{# SQL for BigQuery, with its spelling of types and texts: macros/cross_db/spelled.sql. #}
{% macro bigquery__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {{ return(dbt.bigquery__create_table_as(temporary, relation, spelled(compiled_code), language)) }}
{%- endmacro %}

{% macro bigquery__create_view_as(relation, sql) -%}
    {{ return(dbt.bigquery__create_view_as(relation, spelled(sql))) }}
{%- endmacro %}

{% macro bigquery__get_empty_schema_sql(columns) -%}
    {{ return(spelled(dbt.default__get_empty_schema_sql(columns))) }}
{%- endmacro %}

{% macro bigquery__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ return(dbt.default__get_test_sql(spelled(main_sql), fail_calc, warn_if, error_if, limit)) }}
{%- endmacro %}

{# dbt-bigquery's uses three quotes, ambiguous for a text that begins with one. #}
{% macro bigquery__string_literal(value) -%}
    '{{ value }}'
{%- endmacro %}
