{#
    Whether a regular expression matches somewhere in a text. POSIX patterns only: character classes
    and groups, no backslashes, no look-around; case-sensitive.
#}
{% macro regex_matches(expression, pattern) -%}
    {{ return(adapter.dispatch('regex_matches', 'paydown')(expression, pattern)) }}
{%- endmacro %}

{% macro default__regex_matches(expression, pattern) -%}
    {{ expression }} ~ {{ dbt.string_literal(pattern) }}
{%- endmacro %}

{% macro duckdb__regex_matches(expression, pattern) -%}
    regexp_matches({{ expression }}, {{ dbt.string_literal(pattern) }})
{%- endmacro %}

{% macro snowflake__regex_matches(expression, pattern) -%}
    regexp_instr({{ expression }}, {{ dbt.string_literal(pattern) }}) > 0
{%- endmacro %}

{% macro bigquery__regex_matches(expression, pattern) -%}
    regexp_contains({{ expression }}, {{ dbt.string_literal(pattern) }})
{%- endmacro %}

{% macro spark__regex_matches(expression, pattern) -%}
    {{ expression }} rlike '{{ _java_pattern(pattern) }}'
{%- endmacro %}

{#
    A POSIX pattern as a Spark literal, whose regular expressions are Java's: brackets within
    brackets are escaped, and a backslash is doubled.
#}
{% macro _java_pattern(pattern) -%}
    {{ return(
        pattern
        | replace('[[]', '\\\\[') | replace('[]]', '\\\\]') | replace('[:space:]', '\\\\s')
        | replace("'", "\\'")
    ) }}
{%- endmacro %}
