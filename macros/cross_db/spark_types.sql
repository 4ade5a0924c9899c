{#
    SQL for Spark, with its names of types: macros/cross_db/spelled.sql.
#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- set sql = spark_steps(relation, spelled(compiled_code)) -%}
    {{ return(dbt.spark__create_table_as(temporary, relation, sql, language)) }}
{%- endmacro %}

{% macro spark__create_view_as(relation, sql) -%}
    {{ return(dbt.spark__create_view_as(relation, spelled(sql))) }}
{%- endmacro %}

{% macro spark__get_empty_schema_sql(columns) -%}
    {{ return(spelled(dbt.default__get_empty_schema_sql(columns))) }}
{%- endmacro %}

{% macro spark__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ return(dbt.default__get_test_sql(spelled(main_sql), fail_calc, warn_if, error_if, limit)) }}
{%- endmacro %}

{% macro spark__create_csv_table(model, agate_table) -%}
    {%- for column, type in model.config.column_types.items() -%}
        {%- do model.config.column_types.update({column: spelled(type)}) -%}
    {%- endfor -%}
    {{ return(dbt.spark__create_csv_table(model, agate_table)) }}
{%- endmacro %}

{# Through a session, dbt-spark's writes 'None' for a null and ends a text at its first quote. #}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set values = [] -%}
        {%- for value in row -%}
            {%- set name = agate_table.column_names[loop.index0] -%}
            {%- set type = model.config.column_types.get(
                name, adapter.convert_type(agate_table, loop.index0)
            ) -%}
            {%- set text = 'null' if value is none
                else dbt.string_literal(dbt.escape_single_quotes(value | string)) -%}
            {%- do values.append('cast(' ~ text ~ ' as ' ~ type ~ ')') -%}
        {%- endfor -%}
        {%- do rows.append('(' ~ values | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(', ') -%}
    {%- do adapter.add_query(sql, abridge_sql_log=true) -%}
    {{ return(sql) }}
{%- endmacro %}
