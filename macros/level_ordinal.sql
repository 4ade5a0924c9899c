{#
    The level (0 none to 3 high) of a value against three thresholds, raised by `raise` and at least
    `least`; null where nothing is known. Exposure to a regulation is known even where the value is
    not.
#}
{% macro level_ordinal(value, raise, cuts, least) -%}
    case
        when {{ value }} >= {{ cuts[2] }} or {{ least }} >= 3 then 3
        when {{ value }} >= {{ cuts[1] }} then 2 + {{ raise }}
        when {{ least }} >= 2 then 2
        when {{ value }} >= {{ cuts[0] }} then 1 + {{ raise }}
        when {{ least }} >= 1 then 1
        when {{ value }} is not null or {{ least }} is not null or {{ raise }} > 0 then {{ raise }}
    end
{%- endmacro %}
