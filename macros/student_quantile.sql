{#
    The 97.5 % quantile of Student's t with a freedom: its series about the normal one (Abramowitz and
    Stegun, 26.7.5). From a freedom of 4 on it is off by less than 0.01, at 2 by 0.04.
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
