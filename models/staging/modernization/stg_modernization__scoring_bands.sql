with source as (
    select *
    from {{ current_rows(source('modernization', 'scoring_bands')) }} as documents
),

renamed as (
    select
        -- ids
        rubric_hash,

        -- strings
        band,

        -- numbers
        ordinal as band_ordinal,
        min_score,
        due_in_days,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
