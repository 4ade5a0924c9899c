with entities as (
    select * from {{ ref('int_services__entities') }}
),

services as (
    select * from {{ ref('int_services__catalogued') }}
),

capacity_teams as (
    select * from {{ ref('stg_modernization__capacity_teams') }}
),

capacity as (
    select * from {{ ref('stg_modernization__capacity') }}
),

-- A group that owns a service is a team, even if the catalog doesn't describe it.
named as (
    select
        entities.entity_ref as team_id,
        entities.entity_name as team_name,
        entities.entity_title as team_title,
        entities.email
    from entities
    where entities.entity_kind = 'group'
    union all
    select distinct
        services.team_id,
        {{ dbt.split_part('services.team_id', "'/'", 2) }} as team_name,
        {{ dbt.split_part('services.team_id', "'/'", 2) }} as team_title,
        cast(null as varchar) as email
    from services
    left join entities
        on
            services.team_id = entities.entity_ref
            and entities.entity_kind = 'group'
    where
        services.team_id is not null
        and entities.entity_ref is null
),

owned as (
    select
        services.team_id,
        count(*) as service_count
    from services
    group by services.team_id
),

teams as (
    select
        -- ids
        named.team_id,

        -- strings
        cast(named.team_name as varchar) as team_name,
        cast(named.team_title as varchar) as team_title,
        named.email,

        -- numbers
        cast(coalesce(owned.service_count, 0) as bigint) as service_count,
        cast(coalesce(capacity_teams.day_rate_usd, capacity.day_rate_usd) as double precision)
            as day_rate_usd,
        cast(capacity_teams.engineers as double precision) as engineers,
        cast(capacity_teams.carve_out_share as double precision) as carve_out_share,
        cast(capacity_teams.wip_limit as bigint) as wip_limit
    from named
    left join owned on named.team_id = owned.team_id
    left join capacity_teams on lower(named.team_name) = lower(capacity_teams.team_name)
    left join capacity on true
)

select * from teams
