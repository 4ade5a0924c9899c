{#
    A text with every match of a regular expression replaced by a plain text. POSIX patterns only:
    character classes and groups, no backslashes, no look-around; case-sensitive.
#}
{% macro regex_replace(expression, pattern, replacement) -%}
    {{ return(adapter.dispatch('regex_replace', 'paydown')(expression, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regex_replace(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }}, '{{ replacement }}', 'g')
{%- endmacro %}

{# These replace every match by default. #}
{% macro snowflake__regex_replace(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }}, '{{ replacement }}')
{%- endmacro %}

{% macro redshift__regex_replace(expression, pattern, replacement) -%}
    {{ return(paydown.snowflake__regex_replace(expression, pattern, replacement)) }}
{%- endmacro %}

{% macro bigquery__regex_replace(expression, pattern, replacement) -%}
    {{ return(paydown.snowflake__regex_replace(expression, pattern, replacement)) }}
{%- endmacro %}

{% macro spark__regex_replace(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, '{{ _java_pattern(pattern) }}', '{{ replacement }}')
{%- endmacro %}
