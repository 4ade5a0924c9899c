{#
    The level that counts. A median of few incidents proves little: it is medium at most. An estimate
    that nobody made would make the work look free: it is taken as the level of dbt_project.yml.
#}
{% macro judged_ordinal(relation) -%}
    {%- set assumed = {'low': 1, 'medium': 2, 'high': 3}.get(var('unknown_effort_level')) -%}
    case
        when
            {{ relation }}.factor = 'mttr'
            and {{ relation }}.resolved_count < {{ var('mttr_min_incidents') }}
            and {{ relation }}.level_ordinal > 2
            then 2
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
