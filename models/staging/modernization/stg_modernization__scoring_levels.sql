with source as (
    select *
    from {{ current_rows(source('modernization', 'scoring_levels')) }} as documents
),

renamed as (
    select
        -- ids
        rubric_hash,

        -- strings
        level,

        -- numbers
        ordinal as level_ordinal,
        share,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
