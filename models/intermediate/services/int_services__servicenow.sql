{#
    What the CMDB says of services. The catalog wins: a CMDB service that it has, by the id in its
    annotation or by one of its names, is that service; the others are added.
#}
with services as (
    select * from {{ ref('stg_servicenow__services') }}
),

names as (
    select * from {{ ref('int_services__servicenow_names') }}
),

entities as (
    select * from {{ ref('int_services__entities') }}
),

other_names as (
    select * from {{ ref('stg_backstage__aliases') }}
),

catalog_names as (
    select
        entities.entity_ref,
        {{ name_slug('entities.entity_name') }} as name_slug
    from entities
    where entities.entity_kind = 'component'
    union distinct
    select
        entities.entity_ref,
        {{ name_slug('entities.entity_title') }} as name_slug
    from entities
    where entities.entity_kind = 'component'
    union distinct
    select
        entities.entity_ref,
        {{ name_slug('entities.kubernetes_id') }} as name_slug
    from entities
    where entities.entity_kind = 'component'
    union distinct
    select
        entities.entity_ref,
        {{ name_slug('other_names.entity_alias') }} as name_slug
    from other_names
    inner join entities on other_names.entity_ref = entities.entity_ref
    where entities.entity_kind = 'component'
),

cmdb_names as (
    select
        names.source_service_id,
        {{ name_slug('names.service_alias') }} as name_slug
    from names
),

by_id as (
    select
        services.source_service_id,
        min(entities.entity_ref) as entity_ref,
        count(*) as entity_count
    from services
    inner join entities
        on lower(trim(services.source_service_id)) = lower(trim(entities.servicenow_id))
    where entities.entity_kind = 'component'
    group by services.source_service_id
),

by_name as (
    select
        cmdb_names.source_service_id,
        min(catalog_names.entity_ref) as entity_ref,
        count(distinct catalog_names.entity_ref) as entity_count
    from cmdb_names
    inner join catalog_names on cmdb_names.name_slug = catalog_names.name_slug
    group by cmdb_names.source_service_id
),

-- The group that supports it, else the person who owns it.
owned as (
    select
        services.source_service_id,
        case
            when
                coalesce(
                    services.support_group, services.assignment_group, services.managed_by_group
                ) is not null
                then 'group'
            when services.owned_by is not null then 'user'
        end as owner_kind,
        coalesce(
            services.support_group,
            services.assignment_group,
            services.managed_by_group,
            services.owned_by
        ) as owner_name
    from services
),

-- The catalog's group with the same name; a name that two groups share says nothing.
group_names as (
    select
        entities.entity_ref,
        {{ name_slug('entities.entity_name') }} as name_slug
    from entities
    where entities.entity_kind = 'group'
    union distinct
    select
        entities.entity_ref,
        {{ name_slug('entities.entity_title') }} as name_slug
    from entities
    where entities.entity_kind = 'group'
),

known_groups as (
    select
        group_names.name_slug,
        min(group_names.entity_ref) as team_id
    from group_names
    group by group_names.name_slug
    having count(*) = 1
),

matched as (
    select
        services.source_service_id,
        case
            when by_id.entity_count = 1 then by_id.entity_ref
            when by_id.entity_count is null and by_name.entity_count = 1 then by_name.entity_ref
            -- It could be either of two services of the catalog: no guess.
            when coalesce(by_id.entity_count, by_name.entity_count) is null
                then 'servicenow:' || services.source_service_id
        end as service_id,
        coalesce(
            known_groups.team_id,
            owned.owner_kind || ':servicenow/' || {{ name_slug('owned.owner_name') }}
        ) as team_id,
        services.service_name,
        services.class_name as service_type,
        case
            when lower(services.operational_status) in ('1', 'operational') then 'production'
            when lower(services.operational_status) in ('6', 'retired') then 'retired'
            else lower(services.operational_status)
        end as lifecycle,
        case
            when by_id.entity_count = 1 then 'servicenow id'
            when by_id.entity_count is null and by_name.entity_count = 1 then 'name or alias'
        end as matched_by,
        coalesce(by_id.entity_count, by_name.entity_count) is null as is_unknown
    from services
    inner join owned on services.source_service_id = owned.source_service_id
    left join by_id on services.source_service_id = by_id.source_service_id
    left join by_name on services.source_service_id = by_name.source_service_id
    left join known_groups
        on
            owned.owner_kind = 'group'
            and {{ name_slug('owned.owner_name') }} = known_groups.name_slug
),

resolved as (
    select
        matched.source_service_id,
        case
            when not matched.is_unknown or coalesce(matched.lifecycle, '') != 'retired'
                then matched.service_id
        end as service_id,
        matched.team_id,
        matched.service_name,
        matched.service_type,
        matched.lifecycle,
        matched.matched_by,
        -- A retired item that the catalog never had is no longer a service.
        matched.is_unknown and coalesce(matched.lifecycle, '') != 'retired' as is_added
    from matched
)

select * from resolved
