{# The day of the week of a date: 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(date) -%}
    {{ return(adapter.dispatch('iso_weekday', 'paydown')(date)) }}
{%- endmacro %}

{% macro default__iso_weekday(date) -%}
    cast(extract(isodow from {{ date }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_weekday(date) -%}
    dayofweekiso({{ date }})
{%- endmacro %}

{% macro spark__iso_weekday(date) -%}
    extract(dayofweek_iso from {{ date }})
{%- endmacro %}
