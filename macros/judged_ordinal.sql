{# The highest level allowed: a median of few incidents proves little, so it is medium at most. #}
{% macro most_ordinal(relation) -%}
    case
        when
            {{ relation }}.factor = 'mttr'
            and {{ relation }}.resolved_count < {{ var('mttr_min_incidents') }}
            then 2
        else 3
    end
{%- endmacro %}

{#
    The level that counts. A missing estimate would make the work look free: it is replaced by the
    level in dbt_project.yml.
#}
{% macro judged_ordinal(relation) -%}
    {%- set assumed = {'low': 1, 'medium': 2, 'high': 3}.get(var('unknown_effort_level')) -%}
    case
        when {{ relation }}.level_ordinal > ({{ most_ordinal(relation) }})
            then ({{ most_ordinal(relation) }})
        {%- if assumed %}
        when
            {{ relation }}.factor = 'effort'
            and {{ relation }}.level_ordinal is null
            and {{ relation }}.incident_count > 0
            then {{ assumed }}
        {%- endif %}
        else {{ relation }}.level_ordinal
    end
{%- endmacro %}
