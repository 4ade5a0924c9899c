with services as (
    select * from {{ ref('int_services__catalogued') }}
),

dependencies as (
    select * from {{ ref('stg_backstage__dependencies') }}
),

provided as (
    select * from {{ ref('stg_backstage__provided_apis') }}
),

consumed as (
    select * from {{ ref('stg_backstage__consumed_apis') }}
),

stated as (
    select
        dependencies.entity_ref as dependent_id,
        dependencies.depends_on_ref as dependency_id
    from dependencies
    union all
    select
        consumed.entity_ref as dependent_id,
        provided.entity_ref as dependency_id
    from consumed
    inner join provided on consumed.api_ref = provided.api_ref
),

between_services as (
    select distinct
        stated.dependent_id || ' > ' || stated.dependency_id as dependency_edge_id,
        stated.dependent_id,
        stated.dependency_id
    from stated
    inner join services as dependents on stated.dependent_id = dependents.service_id
    inner join services as dependencies_known
        on stated.dependency_id = dependencies_known.service_id
    where stated.dependent_id != stated.dependency_id
)

select * from between_services
