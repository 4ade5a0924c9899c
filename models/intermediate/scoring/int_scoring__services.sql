{# Every service: those of the catalog, and names in incidents that the catalog lacks. #}
with catalogued as (
    select * from {{ ref('int_services__catalogued') }}
),

counted as (
    select * from {{ ref('int_incidents__counted') }}
),

uncatalogued as (
    select
        counted.service_id,
        coalesce(min(counted.stated_title), 'unnamed') as service_name
    from counted
    where counted.service_id like 'uncatalogued:%'
    group by counted.service_id
),

scored as (
    select
        catalogued.service_id,
        catalogued.service_name,
        catalogued.team_id,
        true as is_catalogued,
        true as is_scored
    from catalogued
    union all
    select
        uncatalogued.service_id,
        uncatalogued.service_name,
        cast(null as varchar) as team_id,
        false as is_catalogued,
        -- Incidents without any service belong to no particular one.
        uncatalogued.service_id != 'uncatalogued:unnamed' as is_scored
    from uncatalogued
)

select * from scored
