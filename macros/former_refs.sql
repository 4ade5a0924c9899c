{#
    The ids that a service may have had under another name: as an entity of the same kind and namespace,
    as one whose reference is stated in full, and as a name that the catalog did not know yet.
#}
{% macro former_refs(relation, newer_id, name) -%}
    {%- set id = relation ~ '.' ~ newer_id -%}
    {%- set old = relation ~ '.' ~ name -%}
    select
        {{ id }} as newer_id,
        case
            when {{ dbt.position("':'", old) }} > 0 then {{ old }}
            else substring({{ id }}, 1, {{ dbt.position("'/'", id) }}) || {{ old }}
        end as older_id
    from {{ relation }}
    where {{ dbt.position("'/'", id) }} > 0
    union distinct
    select
        {{ id }} as newer_id,
        'uncatalogued:' || {{ old }} as older_id
    from {{ relation }}
{%- endmacro %}
