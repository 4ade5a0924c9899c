{#
    Whether a moment lies in the window of so many days that ends at another one, itself included. The
    moment that the window opens at is left out, so that of windows that follow each other exactly one
    has it. Every window over incidents is this one.
#}
{% macro in_window(moment, days, ends_at=none) -%}
    {%- set end = ends_at or as_of() -%}
    ({{ moment }} > {{ time_after(end, '-' ~ days, 'day') }} and {{ moment }} <= {{ end }})
{%- endmacro %}
