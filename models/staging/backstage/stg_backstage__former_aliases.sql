{{ config(materialized=var('single_use')) }}

{#
    Every other name that any load of the catalog ever gave an entity, even if it no longer exists.
#}
with source as (
    select
        {{ entity_ref() }} as entity_ref,
        aliases
    from {{ source('backstage', 'entities') }}
    where aliases is not null
    group by {{ entity_ref() }}, aliases
),

numbers as (
    select * from {{ numbers(100) }} as places
),

renamed as (
    select distinct
        source.entity_ref,
        lower(trim({{ text_part('source.aliases', "','", 'cast(numbers.n + 1 as integer)') }}))
            as entity_alias
    from source
    cross join numbers
    where numbers.n <= length(source.aliases) - length(replace(source.aliases, ',', ''))
)

select * from renamed
where entity_alias != ''
