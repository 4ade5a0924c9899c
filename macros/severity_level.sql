{# 1 (worst) to 5 from any tool's words: "P1", "SEV-2", "3 - Moderate". #}
{% macro severity_level(priority) -%}
    case
        {%- for level in range(1, 6) %}
        when {{ priority }} like '%{{ level }}%' then {{ level }}
        {%- endfor %}
    end
{%- endmacro %}
