{#
    The multi-window burn-rate alerts of the SRE workbook for a period of 30 days, slowest first: long
    and short window by name, how many times too fast both must burn, and whether somebody is paged.
    One fires when 10 % of the budget went in three days or in one, 5 % in six hours, 2 % in an hour.
    The place in the list, 1 to 4, is its rank.
#}
{% macro burn_alerts() -%}
    {{ return([
        ('3d', '6h', 1, 'ticket'),
        ('1d', '2h', 3, 'ticket'),
        ('6h', '30m', 6, 'page'),
        ('1h', '5m', 14.4, 'page'),
    ]) }}
{%- endmacro %}

{# Seconds of the windows that burn is measured over, by name. #}
{% macro burn_windows() -%}
    {{ return({
        '5m': 300, '30m': 1800, '1h': 3600, '2h': 7200, '6h': 21600, '1d': 86400, '3d': 259200,
    }) }}
{%- endmacro %}

{# An alert's rank in words; null where none fired. #}
{% macro burn_alert_text(rank) -%}
    case {{ rank }}
        {%- for long, short, threshold, kind in burn_alerts() %}
            when {{ loop.index }} then '{{ kind }} alert over {{ long }}'
        {%- endfor %}
    end
{%- endmacro %}

{# The level at least that the rubric gives the alert that fired; null where nobody measured. #}
{% macro burn_alert_ordinal(relation, factors) -%}
    case
        {%- for long, short, threshold, kind in burn_alerts() %}
            when {{ relation }}.burn_alert = {{ loop.index }}
                then coalesce({{ factors }}.{{ kind }}_ordinal, 0)
        {%- endfor %}
        when {{ relation }}.burn_alert = 0 then 0
    end
{%- endmacro %}
