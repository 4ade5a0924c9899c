{{ config(materialized=var('single_use')) }}

{#
    Names of people and teams that an earlier load of the catalog had and the current one lacks. A
    catalog without any people has lost its data, not all its people: then nobody is former.
#}
with source as (
    select
        {{ entity_ref() }} as entity_ref,
        name,
        title,
        email
    from {{ source('backstage', 'entities') }}
    where lower(kind) in ('user', 'group')
),

current_people as (
    select
        {{ entity_ref() }} as entity_ref,
        name,
        title,
        email
    from {{ current_rows(source('backstage', 'entities')) }} as documents
    where lower(kind) in ('user', 'group')
),

{%- for relation in ['source', 'current_people'] %}

    {{ relation }}_names as (
        {%- for column in ['name', 'title', 'email', 'entity_ref'] %}
            {{- '\n    union distinct' if not loop.first }}
            select lower(trim({{ relation }}.{{ column }})) as person_name
            from {{ relation }}
            where {{ relation }}.{{ column }} is not null
        {%- endfor %}
    ),
{%- endfor %}

former as (
    select source_names.person_name
    from source_names
    left join current_people_names
        on source_names.person_name = current_people_names.person_name
    where
        current_people_names.person_name is null
        and exists (select 1 from current_people)
)

select * from former
