{#
    The geometric mean of whole seconds as an aggregate, ignoring nulls: the center of durations
    that spread over orders of magnitude. Less than a second counts as one second, because a
    product with 0 is 0. The order of rows makes no difference.
#}
{% macro geometric_mean(column) -%}
    {{ return(adapter.dispatch('geometric_mean', 'paydown')(column)) }}
{%- endmacro %}

{% macro default__geometric_mean(column) -%}
    exp(
        {{ exact_sum(
            'ln(cast(case when ' ~ column ~ ' < 1 then 1 else ' ~ column ~ ' end as double precision))'
        ) }} / nullif(count({{ column }}), 0)
    )
{%- endmacro %}
