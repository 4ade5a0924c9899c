{# The timestamp a number of seconds, minutes, hours or days after another one. #}
{% macro time_after(start_at, count, unit) -%}
    {{ return(adapter.dispatch('time_after', 'paydown')(start_at, count, unit)) }}
{%- endmacro %}

{% macro default__time_after(start_at, count, unit) -%}
    cast({{ dbt.dateadd(unit, count, start_at) }} as timestamp)
{%- endmacro %}

{# dbt-spark's dateadd truncates fractions of a second. #}
{% macro spark__time_after(start_at, count, unit) -%}
    timestampadd({{ unit }}, {{ count }}, cast({{ start_at }} as timestamp))
{%- endmacro %}
