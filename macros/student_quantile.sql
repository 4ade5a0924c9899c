{#
    The 97.5 % quantile of Student's t for given degrees of freedom: its series about the normal one
    (Abramowitz and Stegun, 26.7.5). From 4 degrees on the error is below 0.01; at 2 it is 0.04.
#}
{% macro student_quantile(freedom) -%}
    (
        1.959964
        + 2.372271 / {{ freedom }}
        + 2.822499 / ({{ freedom }} * {{ freedom }})
        + 2.555850 / ({{ freedom }} * {{ freedom }} * {{ freedom }})
        + 1.589534 / ({{ freedom }} * {{ freedom }} * {{ freedom }} * {{ freedom }})
    )
{%- endmacro %}
