{#
    Full reference of the catalog entity in a row with kind, namespace and name:
    kind:namespace/name. `row` is the row's alias, where several are joined.
#}
{% macro entity_ref(row=none) -%}
    {%- set of = row ~ '.' if row else '' -%}
    lower({{ of }}kind || ':' || coalesce({{ of }}namespace, 'default') || '/' || {{ of }}name)
{%- endmacro %}

{#
    Full reference of another entity that a row names as [kind:][namespace/]name in `column`; what is
    left out defaults to `default_kind` and the row's own namespace.
#}
{% macro full_ref(column, default_kind) -%}
    {%- set stated = 'trim(' ~ column ~ ')' -%}
    {%- set kind_end = dbt.position("':'", stated) -%}
    {%- set path = 'substring(' ~ stated ~ ', ' ~ kind_end ~ ' + 1)' -%}
    {%- set namespace_end = dbt.position("'/'", path) -%}
    lower(
        case
            when {{ kind_end }} > 0 then substring({{ stated }}, 1, {{ kind_end }} - 1)
            else '{{ default_kind }}'
        end
        || ':'
        || case
            when {{ namespace_end }} > 0 then substring({{ path }}, 1, {{ namespace_end }} - 1)
            else coalesce(namespace, 'default')
        end
        || '/'
        || substring({{ path }}, {{ namespace_end }} + 1)
    )
{%- endmacro %}
