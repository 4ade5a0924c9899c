{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'capacity_teams')) }} as documents
),

renamed as (
    select
        -- strings
        team as team_name,

        -- numbers
        day_rate_usd,
        engineers,
        carve_out_share,
        wip_limit,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
