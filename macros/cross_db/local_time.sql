{#
    What a clock in the time zone shows at a moment in UTC, both without a zone; null where either
    is. The zone is an expression; its value must be a name in seeds/time_zones.csv.
#}
{% macro local_time(utc_timestamp, zone) -%}
    {{ return(adapter.dispatch('local_time', 'paydown')(utc_timestamp, zone)) }}
{%- endmacro %}

{% macro default__local_time(utc_timestamp, zone) -%}
    cast((({{ utc_timestamp }}) at time zone 'UTC') at time zone {{ zone }} as timestamp)
{%- endmacro %}

{% macro snowflake__local_time(utc_timestamp, zone) -%}
    cast(convert_timezone('UTC', {{ zone }}, {{ utc_timestamp }}) as timestamp)
{%- endmacro %}

{# Its session is in UTC (tests/spark/profiles.yml), so a timestamp reads as a clock does. #}
{% macro spark__local_time(utc_timestamp, zone) -%}
    from_utc_timestamp({{ utc_timestamp }}, {{ zone }})
{%- endmacro %}

{% macro redshift__local_time(utc_timestamp, zone) -%}
    convert_timezone('UTC', {{ zone }}, {{ utc_timestamp }})
{%- endmacro %}

{% macro bigquery__local_time(utc_timestamp, zone) -%}
    timestamp(datetime({{ utc_timestamp }}, {{ zone }}))
{%- endmacro %}
