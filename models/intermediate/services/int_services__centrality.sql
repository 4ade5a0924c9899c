with services as (
    select * from {{ ref('int_services__catalogued') }}
),

dependencies as (
    select * from {{ ref('int_services__dependencies') }}
),

reachable as (
    select * from {{ ref('int_services__reachable') }}
),

service_count as (
    select count(*) as services_total from services
),

direct as (
    select
        dependencies.dependency_id as service_id,
        count(*) as direct_dependents
    from dependencies
    group by dependencies.dependency_id
),

transitive as (
    select
        reachable.dependency_id as service_id,
        count(*) as transitive_dependents
    from reachable
    group by reachable.dependency_id
),

centrality as (
    select
        services.service_id,
        coalesce(direct.direct_dependents, 0) as direct_dependents,
        coalesce(transitive.transitive_dependents, 0) as transitive_dependents,
        -- The share of the other services that go down with this one.
        case
            when service_count.services_total > 1
                then
                    cast(coalesce(transitive.transitive_dependents, 0) as double precision)
                    / (service_count.services_total - 1)
            else 0
        end as dependency_centrality
    from services
    cross join service_count
    left join direct on services.service_id = direct.service_id
    left join transitive on services.service_id = transitive.service_id
)

select * from centrality
