{# The exact sum of parts, all of which are known: what is not known of one is not known of it. #}
{% macro known_sum(expression) -%}
    case when count(*) = count({{ expression }}) then {{ exact_sum(expression) }} end
{%- endmacro %}
