with source as (
    select *
    from {{ current_rows(source('modernization', 'targets')) }} as documents
),

renamed as (
    select
        -- strings
        target as target_name,
        unit as target_unit,

        -- numbers
        ordinal as target_ordinal,
        at_least,
        at_most,
        below,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
