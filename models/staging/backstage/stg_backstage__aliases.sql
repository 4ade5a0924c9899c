{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('backstage', 'entities')) }} as documents
    where aliases is not null
),

-- The contract allows a hundred names.
numbers as (
    select * from {{ numbers(100) }} as places
),

renamed as (
    select distinct
        -- ids
        {{ entity_ref('source') }} as entity_ref,

        -- strings
        trim({{ text_part('source.aliases', "','", 'cast(numbers.n + 1 as integer)') }})
            as entity_alias,

        -- timestamps
        source._loaded_at as loaded_at
    from source
    cross join numbers
    where numbers.n <= length(source.aliases) - length(replace(source.aliases, ',', ''))
)

select * from renamed
where entity_alias != ''
