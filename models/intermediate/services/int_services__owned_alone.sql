{{ config(materialized=var('single_use')) }}

with services as (
    select * from {{ ref('int_services__catalogued') }}
),

-- A label service_owner that names a team identifies the service only if the team has just one.
teams as (
    select
        services.team_id,
        -- People write the part of the reference after its last slash.
        lower({{ dbt.split_part('services.team_id', "'/'", 2) }}) as team_name,
        min(services.service_id) as service_id,
        count(*) as service_count
    from services
    where services.team_id is not null
    group by services.team_id
),

-- A name shared by teams in two namespaces says nothing: no guess.
named as (
    select
        teams.*,
        count(*) over (partition by teams.team_name) as team_count
    from teams
),

owned_alone as (
    select
        named.team_id,
        named.service_id,
        case when named.team_count = 1 then named.team_name end as team_name
    from named
    where named.service_count = 1
)

select * from owned_alone
