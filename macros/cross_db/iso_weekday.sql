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

{# Both start on Sunday, Redshift with 0 and BigQuery with 1. #}
{% macro redshift__iso_weekday(date) -%}
    cast(mod(cast(extract(dow from {{ date }}) as integer) + 6, 7) + 1 as integer)
{%- endmacro %}

{% macro bigquery__iso_weekday(date) -%}
    mod(extract(dayofweek from {{ date }}) + 5, 7) + 1
{%- endmacro %}
