{#
    The lower or upper end of Wilson's 95 % interval of a share, 0 to 1; null for no trials. It
    stays within 0 and 1 and is valid for small counts and zero (Wilson 1927).
#}
{% macro wilson_bound(count, total, end) -%}
    case
        when {{ count }} = {{ '0' if end == 'low' else total }} and {{ total }} > 0
            then {{ '0' if end == 'low' else '1' }}
        else
            (
                {{ count }} + 1.920729
                {{ '-' if end == 'low' else '+' }} 1.959964 * sqrt(
                    cast({{ count }} as double precision)
                    * ({{ total }} - {{ count }}) / nullif({{ total }}, 0)
                    + 0.960365
                )
            ) / (nullif({{ total }}, 0) + 3.841459)
    end
{%- endmacro %}
