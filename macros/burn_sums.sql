{#
    The totals of measured intervals, each with `covered_seconds`, `error_ratio` and `burn_rate`.
#}
{% macro burn_sums(pieces) -%}
    {{ exact_sum(pieces ~ '.covered_seconds') }} as covered_seconds,
    {{ known_sum(pieces ~ '.covered_seconds * ' ~ pieces ~ '.error_ratio') }} as bad_seconds,
    {{ known_sum(pieces ~ '.covered_seconds * ' ~ pieces ~ '.burn_rate') }} as burnt_seconds
{%- endmacro %}

{# How much of an interval a piece measured, in seconds; both begin and end in epochs. #}
{% macro covered_seconds(span, piece) -%}
    (
        least({{ span }}.ends_epoch, {{ piece }}.ends_epoch)
        - greatest({{ span }}.starts_epoch, {{ piece }}.starts_epoch)
    ) * {{ piece }}.covered_share
{%- endmacro %}
