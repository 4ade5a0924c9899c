{# A number as text for a person, with a fixed number of decimals. #}
{% macro number_text(expression, decimals=1) -%}
    {{ return(adapter.dispatch('number_text', 'paydown')(expression, decimals)) }}
{%- endmacro %}

{% macro default__number_text(expression, decimals) -%}
    cast(cast(round(cast({{ expression }} as numeric(28, 6)), {{ decimals }}) as numeric(28, {{ decimals }})) as varchar)
{%- endmacro %}

{# There, a number as text loses its trailing zeros. #}
{% macro bigquery__number_text(expression, decimals) -%}
    format('%.{{ decimals }}f', round(cast({{ expression }} as numeric), {{ decimals }}))
{%- endmacro %}
