{# The greater of two values, or the one that is known; null where neither is. #}
{% macro greater_known(one, other) -%}
    case when {{ other }} is null or {{ one }} >= {{ other }} then {{ one }} else {{ other }} end
{%- endmacro %}
