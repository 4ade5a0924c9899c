{#
    The sample variance, independent of the order of rows, which no warehouse's own is; null for
    fewer than two values.
#}
{% macro exact_variance(expression) -%}
    case
        when count({{ expression }}) > 1
            then
                greatest(
                    (
                        {{ exact_sum('(' ~ expression ~ ') * (' ~ expression ~ ')', 12) }}
                        - {{ exact_sum(expression, 12) }} * {{ exact_sum(expression, 12) }}
                        / count({{ expression }})
                    ) / (count({{ expression }}) - 1),
                    0
                )
    end
{%- endmacro %}
