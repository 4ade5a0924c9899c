{# A number rounded to an integer, halves away from zero: 1.5 to 2 and -1.5 to -2. #}
{% macro round_half_away(expression) -%}
    {{ return(adapter.dispatch('round_half_away', 'paydown')(expression)) }}
{%- endmacro %}

{# Through a decimal, because 0.3 * 5 as a binary fraction may fall just short of 1.5. #}
{% macro default__round_half_away(expression) -%}
    cast(round(cast({{ expression }} as numeric(18, 6)), 0) as integer)
{%- endmacro %}
