with scored as (
    select * from {{ ref('int_scoring__services') }}
),

catalogued as (
    select * from {{ ref('int_services__catalogued') }}
),

centrality as (
    select * from {{ ref('int_services__centrality') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

services as (
    select
        -- ids
        scored.service_id,
        scored.team_id,

        -- strings
        cast(scored.service_name as varchar) as service_name,
        cast(coalesce(catalogued.service_title, scored.service_name) as varchar)
            as service_title,
        catalogued.service_type,
        catalogued.lifecycle,
        catalogued.maturity_level as declared_maturity,
        catalogued.jira_project_key,
        catalogued.dashboard_url,
        teams.team_name as owner,
        cast(catalogued.catalog_source as varchar) as catalog_source,
        cast(catalogued.owner_source as varchar) as owner_source,

        -- numbers
        cast(centrality.direct_dependents as bigint) as direct_dependents,
        cast(centrality.transitive_dependents as bigint) as transitive_dependents,
        cast(centrality.dependency_centrality as double precision) as dependency_centrality,
        catalogued.revenue_per_hour_usd,

        -- booleans
        scored.is_catalogued,
        scored.is_scored
    from scored
    left join catalogued on scored.service_id = catalogued.service_id
    left join centrality on scored.service_id = centrality.service_id
    left join teams on scored.team_id = teams.team_id
)

select * from services
