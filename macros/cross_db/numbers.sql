{# The numbers from 0 up to `count` - 1 as a column n, without asking the warehouse. #}
{% macro numbers(count) -%}
    {{ return(adapter.dispatch('numbers', 'paydown')(count)) }}
{%- endmacro %}

{% macro default__numbers(count) -%}
    {%- set places = (count - 1) | string | length -%}
    {%- set terms = [] -%}
    {%- for place in range(places) -%}
        {%- do terms.append((10 ** place) ~ ' * place_' ~ place ~ '.digit') -%}
    {%- endfor -%}
    (
        select {{ terms | join(' + ') }} as n
        from ({{ _digits() }}) as place_0
        {%- for place in range(1, places) %}
        cross join ({{ _digits() }}) as place_{{ place }}
        {%- endfor %}
        where {{ terms | join(' + ') }} < {{ count }}
    )
{%- endmacro %}

{% macro _digits() -%}
    {%- for digit in range(10) %}
        {%- if not loop.first %} union all {% endif %}select {{ digit }} as digit
    {%- endfor -%}
{%- endmacro %}
