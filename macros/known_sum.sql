{# The exact sum of parts; unknown where any of them is. #}
{% macro known_sum(expression) -%}
    case when count(*) = count({{ expression }}) then {{ exact_sum(expression) }} end
{%- endmacro %}
