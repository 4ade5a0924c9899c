with services as (
    select * from {{ ref('int_services__catalogued') }}
),

relations as (
    select * from {{ ref('stg_backstage__relations') }}
),

cmdb as (
    select * from {{ ref('int_services__servicenow') }}
),

cmdb_dependencies as (
    select * from {{ ref('stg_servicenow__dependencies') }}
),

stated as (
    select
        relations.entity_ref as dependent_id,
        relations.target_ref as dependency_id,
        'backstage' as catalog_source
    from relations
    where relations.relation = 'dependsOn'
    union all
    select
        consumed.entity_ref as dependent_id,
        provided.entity_ref as dependency_id,
        'backstage' as catalog_source
    from relations as consumed
    inner join relations as provided on consumed.target_ref = provided.target_ref
    where consumed.relation = 'consumesApi' and provided.relation = 'providesApi'
    union all
    select
        dependents.service_id as dependent_id,
        depended_on.service_id as dependency_id,
        'servicenow' as catalog_source
    from cmdb_dependencies
    inner join cmdb as dependents
        on cmdb_dependencies.dependent_id = dependents.source_service_id
    inner join cmdb as depended_on
        on cmdb_dependencies.dependency_id = depended_on.source_service_id
),

-- A dependency that both state counts as the catalog's.
between_services as (
    select
        stated.dependent_id || ' > ' || stated.dependency_id as dependency_edge_id,
        stated.dependent_id,
        stated.dependency_id,
        min(stated.catalog_source) as catalog_source
    from stated
    inner join services as dependents on stated.dependent_id = dependents.service_id
    inner join services as dependencies_known
        on stated.dependency_id = dependencies_known.service_id
    where stated.dependent_id != stated.dependency_id
    group by stated.dependent_id, stated.dependency_id
)

select * from between_services
