with source as (
    select *
    from {{ current_rows(source('modernization', 'scoring_factors')) }} as documents
),

renamed as (
    select
        -- ids
        rubric_hash,

        -- strings
        factor,

        -- numbers
        weight,
        low as low_threshold,
        medium as medium_threshold,
        high as high_threshold,
        page_ordinal,
        ticket_ordinal,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
