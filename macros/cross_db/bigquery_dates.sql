{# dbt-bigquery's returns a datetime, which can't be compared with a timestamp. #}
{% macro bigquery__dateadd(datepart, interval, from_date_or_timestamp) -%}
    timestamp({{ dbt.bigquery__dateadd(datepart, interval, from_date_or_timestamp) }})
{%- endmacro %}

{# Weeks begin on Monday, not on Sunday. #}
{% macro bigquery__date_trunc(datepart, date) -%}
    {{ return(dbt.bigquery__date_trunc('isoweek' if datepart == 'week' else datepart, date)) }}
{%- endmacro %}
