{# The first day whose score includes a moment: a day is scored at its end, midnight included. #}
{% macro scoring_day_of(moment) -%}
    case
        when {{ moment }} = cast(cast({{ moment }} as date) as timestamp)
            then cast({{ time_after(moment, -1, 'day') }} as date)
        else cast({{ moment }} as date)
    end
{%- endmacro %}
