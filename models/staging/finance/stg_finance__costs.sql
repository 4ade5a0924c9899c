{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('finance', 'costs')) }} as documents
),

renamed as (
    select
        -- strings
        service as service_name,
        coalesce(provider, '') as provider_name,
        _source_file as file_name,

        -- numbers
        usd as cost_usd,

        -- timestamps
        cast({{ dbt.date_trunc('month', 'month') }} as date) as month_starts_on,
        _loaded_at as loaded_at
    from source
)

select * from renamed
