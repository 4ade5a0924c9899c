with source as (
    select *
    from {{ current_rows(source('modernization', 'target_period')) }} as documents
),

renamed as (
    select
        -- numbers
        days,
        within_business_days,

        -- timestamps
        starts_on,
        _loaded_at as loaded_at
    from source
)

select * from renamed
