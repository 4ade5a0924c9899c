{# The numbers from 0 up to `count` - 1 as a column n, without asking the warehouse anything. #}
{% macro numbers(count) -%}
    {{ return(adapter.dispatch('numbers', 'paydown')(count)) }}
{%- endmacro %}

{% macro default__numbers(count) -%}
    (
        select ones.digit + 10 * tens.digit + 100 * hundreds.digit as n
        from ({{ _digits() }}) as ones
        cross join ({{ _digits() }}) as tens
        cross join ({{ _digits() }}) as hundreds
        where ones.digit + 10 * tens.digit + 100 * hundreds.digit < {{ count }}
    )
{%- endmacro %}

{% macro _digits() -%}
    {%- for digit in range(10) %}
        {%- if not loop.first %} union all {% endif %}select {{ digit }} as digit
    {%- endfor -%}
{%- endmacro %}
