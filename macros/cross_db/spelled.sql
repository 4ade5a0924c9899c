{#
    SQL with types and texts spelled as an engine spells them. Models, contracts and tests write
    `varchar`, `double precision` and 'it''s', as most warehouses do; for engines that read it
    otherwise, it is changed as SQL is sent (spark_types.sql, databricks_types.sql,
    bigquery_types.sql).
#}
{% macro spelled(sql) -%}
    {{ return(adapter.dispatch('spelled', 'paydown')(sql)) }}
{%- endmacro %}

{% macro default__spelled(sql) -%}
    {{ return(sql) }}
{%- endmacro %}

{# Spark parses neither `varchar` without a length nor `double precision`. #}
{% macro spark__spelled(sql) -%}
    {%- set strings = modules.re.sub('\\bvarchar\\b', 'string', sql) -%}
    {{ return(modules.re.sub('\\bdouble precision\\b', 'double', strings)) }}
{%- endmacro %}

{#
    BigQuery has other names for both, a numeric of at most 9 decimals, and in a text a backslash
    before a quote and for a line break.
#}
{% macro bigquery__spelled(sql) -%}
    {%- set parts = [] -%}
    {%- for part in modules.re.split("(--[^\n]*|'(?:[^'\\\\]|''|\\\\.)*')", sql) -%}
        {%- if part.startswith("'") -%}
            {%- set text = part[1:-1] | replace("''", "\\'") | replace("\n", "\\n") -%}
            {%- do parts.append("'" ~ text ~ "'") -%}
        {%- else -%}
            {%- set strings = modules.re.sub('\\bvarchar\\b', 'string', part) -%}
            {%- set doubles = modules.re.sub('\\bdouble precision\\b', 'float64', strings) -%}
            {%- do parts.append(
                modules.re.sub('\\bnumeric(?=[(][0-9]+, [1-9][0-9][)])', 'bignumeric', doubles)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join) }}
{%- endmacro %}
