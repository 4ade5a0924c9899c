with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

owned_alone as (
    select * from {{ ref('int_services__owned_alone') }}
),

matched as (
    select
        incidents.incident_id,
        coalesce(
            by_id.service_id,
            by_selector.service_id,
            by_name.service_id,
            by_k8s_label.service_id,
            by_owner_label.service_id,
            owned_alone.service_id
        ) as matched_service_id,
        case
            when by_id.service_id is not null then 'tool id'
            when by_selector.service_id is not null then 'component selector'
            when by_name.service_id is not null then 'name or alias'
            when by_k8s_label.service_id is not null then 'k8s label'
            when by_owner_label.service_id is not null then 'service_owner label'
            when owned_alone.service_id is not null then 'only service of service_owner'
        end as matched_by,
        triggered.service_id as triggered_service_id,
        trim(
            coalesce(
                incidents.source_service_name,
                incidents.source_service_id,
                incidents.label_k8s_name,
                incidents.label_service_owner
            )
        ) as stated_title
    from incidents
    left join aliases as by_id
        on
            incidents.source_name = by_id.alias_kind
            and lower(trim(incidents.source_service_id)) = by_id.alias_value
    left join aliases as by_selector
        on
            incidents.source_name = by_selector.alias_kind
            and lower(trim(incidents.source_service_name)) = by_selector.alias_value
    left join aliases as by_name
        on
            by_name.alias_kind = 'name'
            and lower(trim(incidents.source_service_name)) = by_name.alias_value
    left join aliases as by_k8s_label
        on
            by_k8s_label.alias_kind = 'name'
            and lower(trim(incidents.label_k8s_name)) = by_k8s_label.alias_value
    left join aliases as by_owner_label
        on
            by_owner_label.alias_kind = 'name'
            and lower(trim(incidents.label_service_owner)) = by_owner_label.alias_value
    left join owned_alone
        on lower(trim(incidents.label_service_owner)) in (
            owned_alone.team_name, lower(owned_alone.team_id)
        )
    left join aliases as triggered
        on
            incidents.source_name = triggered.alias_kind
            and lower(trim(incidents.triggered_service_id)) = triggered.alias_value
),

resolved as (
    select
        matched.incident_id,
        coalesce(
            matched.matched_service_id,
            'uncatalogued:' || lower(coalesce(matched.stated_title, 'unnamed'))
        ) as service_id,
        matched.triggered_service_id,
        matched.matched_by,
        lower(matched.stated_title) as stated_name,
        matched.stated_title,
        matched.matched_service_id is not null as is_catalogued
    from matched
)

select * from resolved
