{#
    The part of a text at a position, from 1, between separators; empty where there are fewer parts.
    All three are SQL; where the position is a plain number, use dbt.split_part.
#}
{% macro text_part(text, separator, place) -%}
    {{ return(adapter.dispatch('text_part', 'paydown')(text, separator, place)) }}
{%- endmacro %}

{% macro default__text_part(text, separator, place) -%}
    split_part({{ text }}, {{ separator }}, {{ place }})
{%- endmacro %}

{% macro bigquery__text_part(text, separator, place) -%}
    if({{ text }} is null, null, coalesce(split({{ text }}, {{ separator }})[safe_offset({{ place }} - 1)], ''))
{%- endmacro %}
