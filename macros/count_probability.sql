{#
    The probability that a count with a given mean is exactly n: negative binomial with a size,
    Poisson where the size is null. `coefficient` is the running sum up to n of
    count_log_coefficient. Below e^-700 some warehouses fail instead of returning 0.
#}
{% macro count_probability(coefficient, size, mean, n) -%}
    exp(
        greatest(
            {{ coefficient }} + coalesce(
                {{ size }} * ln(
                    {{ size }} / ({{ size }} + {{ mean }})
                ) + {{ n }} * ln(
                    {{ mean }} / ({{ size }} + {{ mean }})
                ),
                {{ n }} * ln({{ mean }}) - {{ mean }}
            ),
            -700
        )
    )
{%- endmacro %}

{# What the coefficient's logarithm grows by from n - 1 to n: no warehouse needs a gamma function. #}
{% macro count_log_coefficient(size, n) -%}
    case
        when {{ n }} = 0 then 0
        else coalesce(ln(({{ size }} + {{ n }} - 1) / {{ n }}), -ln(cast({{ n }} as double precision)))
    end
{%- endmacro %}
