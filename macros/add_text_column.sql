{# A pre-hook for incremental models: a table that an older version built gets the column. #}
{% macro add_text_column(name) -%}
    {%- if execute and not should_full_refresh() and load_relation(this) -%}
        alter table {{ this }} add column if not exists {{ name }} {{ dbt.type_string() }}
    {%- endif -%}
{%- endmacro %}
