with source as (
    select *
    from {{ current_rows(source('modernization', 'maturity_criteria')) }} as documents
),

renamed as (
    select
        -- strings
        level as maturity_level,
        criterion,

        -- numbers
        level_ordinal,
        criterion_ordinal,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
