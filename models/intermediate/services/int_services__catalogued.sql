with entities as (
    select * from {{ ref('int_services__entities') }}
),

cmdb as (
    select * from {{ ref('int_services__servicenow') }}
),

-- Where the catalog names no owner, the CMDB may; not where it names two.
cmdb_owners as (
    select
        cmdb.service_id,
        min(cmdb.team_id) as team_id
    from cmdb
    where cmdb.team_id is not null
    group by cmdb.service_id
    having count(distinct cmdb.team_id) = 1
),

catalogued as (
    select
        -- ids
        entities.entity_ref as service_id,
        coalesce(entities.owner_ref, cmdb_owners.team_id) as team_id,
        entities.system_ref as system_id,
        entities.pagerduty_id,
        entities.opsgenie_id,
        entities.servicenow_id,
        entities.kubernetes_id,

        -- strings
        entities.entity_name as service_name,
        entities.entity_title as service_title,
        entities.entity_type as service_type,
        entities.lifecycle,
        entities.maturity_level,
        entities.jira_project_key,
        entities.dashboard_url,
        'backstage' as catalog_source,
        case
            when entities.owner_ref is not null then 'backstage'
            when cmdb_owners.team_id is not null then 'servicenow'
        end as owner_source,

        -- numbers
        entities.revenue_per_hour_usd
    from entities
    left join cmdb_owners on entities.entity_ref = cmdb_owners.service_id
    where entities.entity_kind = 'component'
    union all
    select
        -- ids
        cmdb.service_id,
        cmdb.team_id,
        cast(null as varchar) as system_id,
        cast(null as varchar) as pagerduty_id,
        cast(null as varchar) as opsgenie_id,
        cmdb.source_service_id as servicenow_id,
        cast(null as varchar) as kubernetes_id,

        -- strings
        cmdb.service_name,
        cmdb.service_name as service_title,
        cmdb.service_type,
        cmdb.lifecycle,
        cast(null as varchar) as maturity_level,
        cast(null as varchar) as jira_project_key,
        cast(null as varchar) as dashboard_url,
        'servicenow' as catalog_source,
        case when cmdb.team_id is not null then 'servicenow' end as owner_source,

        -- numbers
        cast(null as double precision) as revenue_per_hour_usd
    from cmdb
    where cmdb.is_added
)

select * from catalogued
