with source as (
    select *
    from {{ current_rows(source('backstage', 'aliases')) }} as documents
),

renamed as (
    select
        -- ids
        entity_ref,

        -- strings
        alias as entity_alias,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
