{#
    Whether a moment lies in the window of a number of days that ends at another moment, which is
    included. The moment at which the window opens is excluded, so that consecutive windows don't
    overlap. Every window over incidents is defined here.
#}
{% macro in_window(moment, days, ends_at=none) -%}
    {%- set end = ends_at or as_of() -%}
    ({{ moment }} > {{ time_after(end, '-' ~ days, 'day') }} and {{ moment }} <= {{ end }})
{%- endmacro %}
