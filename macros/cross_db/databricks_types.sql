{# SQL for Databricks is spelled as for Spark; the rest of dbt-databricks is left unchanged. #}
{% macro databricks__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {{ return(dbt.databricks__create_table_as(temporary, relation, spelled(compiled_code), language)) }}
{%- endmacro %}

{% macro databricks__create_view_as(relation, sql) -%}
    {{ return(dbt.databricks__create_view_as(relation, spelled(sql))) }}
{%- endmacro %}

{% macro databricks__create_csv_table(model, agate_table) -%}
    {%- for column, type in model.config.column_types.items() -%}
        {%- do model.config.column_types.update({column: spelled(type)}) -%}
    {%- endfor -%}
    {{ return(dbt.databricks__create_csv_table(model, agate_table)) }}
{%- endmacro %}

{% macro databricks__load_csv_rows(model, agate_table) -%}
    {{ return(dbt.databricks__load_csv_rows(model, agate_table)) }}
{%- endmacro %}

{% macro databricks__persist_constraints(relation, model) -%}
    {{ return(dbt.databricks__persist_constraints(relation, model)) }}
{%- endmacro %}
