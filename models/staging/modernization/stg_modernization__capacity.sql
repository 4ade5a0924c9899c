with source as (
    select *
    from {{ current_rows(source('modernization', 'capacity')) }} as documents
),

renamed as (
    select
        -- strings
        currency,

        -- numbers
        day_rate_usd,
        wip_limit,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
