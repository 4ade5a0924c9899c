{#
    A person's name or e-mail as the var `people` wants it: `named` as written; `hashed`, the same
    pseudonym wherever the same text occurs; `dropped`, nothing. Anyone with a list of names can
    hash them too and compare, so `hashed` hides people from readers, not from those who have that
    list.
#}
{% macro person(name) -%}
    {%- set people = var('people') -%}
    {%- if people == 'named' -%}
        {{ name }}
    {%- elif people == 'hashed' -%}
        case
            when trim({{ name }}) <> ''
                then 'person-' || substring({{ sha256_hex('lower(trim(' ~ name ~ '))') }}, 1, 12)
        end
    {%- elif people == 'dropped' -%}
        cast(null as varchar)
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            'dbt_project.yml: people: ' ~ people ~ ': say named, hashed or dropped'
        ) }}
    {%- endif -%}
{%- endmacro %}

{# The same for an owner, who may be a team: teams of the catalog keep their names. #}
{% macro person_or_team(name) -%}
    {%- set teams = ref('dim_teams') -%}
    {%- if var('people') == 'named' -%}
        {{ name }}
    {%- else -%}
        case
            when {{ name }} in (select teams.team_name from {{ teams }} as teams) then {{ name }}
            else {{ person(name) }}
        end
    {%- endif -%}
{%- endmacro %}
