with services as (
    select * from {{ ref('int_services__catalogued') }}
),

other_names as (
    select * from {{ ref('stg_backstage__aliases') }}
),

entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

cmdb as (
    select * from {{ ref('int_services__servicenow') }}
),

cmdb_names as (
    select * from {{ ref('int_services__servicenow_names') }}
),

-- What alerts carry is the label of the pods, which the entity says in one of these places.
-- Its label part-of is left out: that names what the service is a part of.
kubernetes_names as (
    select
        entities.entity_ref,
        entities.kubernetes_label_name as kubernetes_name
    from entities
    union all
    select
        entities.entity_ref,
        entities.kubernetes_label_instance as kubernetes_name
    from entities
    union all
    select
        entities.entity_ref,
        entities.kubernetes_selector_name as kubernetes_name
    from entities
    union all
    select
        entities.entity_ref,
        entities.kubernetes_selector_instance as kubernetes_name
    from entities
),

-- The kind says where the value may be used: an id of one tool never matches another's.
names as (
    select
        'pagerduty' as alias_kind,
        services.pagerduty_id as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'opsgenie' as alias_kind,
        services.opsgenie_id as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'servicenow' as alias_kind,
        services.servicenow_id as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'name' as alias_kind,
        services.service_name as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'name' as alias_kind,
        services.service_title as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'name' as alias_kind,
        services.kubernetes_id as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'name' as alias_kind,
        services.service_id as alias_value,
        services.service_id,
        1 as claim_rank
    from services
    union all
    select
        'name' as alias_kind,
        other_names.entity_alias as alias_value,
        services.service_id,
        1 as claim_rank
    from other_names
    inner join services on other_names.entity_ref = services.service_id
    union all
    select
        'name' as alias_kind,
        kubernetes_names.kubernetes_name as alias_value,
        services.service_id,
        2 as claim_rank
    from kubernetes_names
    inner join services on kubernetes_names.entity_ref = services.service_id
    union all
    select
        'servicenow' as alias_kind,
        cmdb.source_service_id as alias_value,
        cmdb.service_id,
        2 as claim_rank
    from cmdb
    where cmdb.service_id is not null
    union all
    select
        'name' as alias_kind,
        cmdb_names.service_alias as alias_value,
        cmdb.service_id,
        3 as claim_rank
    from cmdb_names
    inner join cmdb on cmdb_names.source_service_id = cmdb.source_service_id
    where cmdb.service_id is not null
),

normalised as (
    select distinct
        names.alias_kind,
        lower(trim(names.alias_value)) as alias_value,
        names.service_id,
        names.claim_rank
    from names
    where trim(names.alias_value) != ''
),

-- Many services may run under the label that is one service's name: the name comes first.
ranked as (
    select
        normalised.*,
        min(normalised.claim_rank) over (
            partition by normalised.alias_kind, normalised.alias_value
        ) as first_claim_rank
    from normalised
),

-- Where two services claim a name, it says nothing: no guess.
counted as (
    select
        ranked.alias_kind,
        ranked.alias_value,
        min(ranked.service_id) as service_id,
        count(*) as service_count
    from ranked
    where ranked.claim_rank = ranked.first_claim_rank
    group by ranked.alias_kind, ranked.alias_value
),

unambiguous as (
    select
        counted.alias_kind || ':' || counted.alias_value as alias_id,
        counted.alias_kind,
        counted.alias_value,
        counted.service_id
    from counted
    where counted.service_count = 1
)

select * from unambiguous
