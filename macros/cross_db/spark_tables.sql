{#
    Spark's own tables are written once: without Delta or Iceberg none of their rows can be changed.
    So an incremental model is a table there that only a full build replaces, and `not null` is
    enforced by data tests alone.
#}
{% materialization incremental, adapter='spark' %}
    {%- if load_cached_relation(this) and not should_full_refresh() -%}
        {{ exceptions.raise_compiler_error(
            this ~ ' is built up run by run, which Spark tables are not: say --full-refresh'
        ) }}
    {%- endif -%}
    {{ return(dbt.materialization_table_spark()) }}
{% endmaterialization %}

{% macro spark__persist_constraints(relation, model) -%}
{%- endmacro %}

{# Spark's planner copies a view, and all below it, to every place that reads it. #}
{% materialization view, adapter='spark' %}
    {{ return(dbt.materialization_table_spark()) }}
{% endmaterialization %}
