with services as (
    select * from {{ ref('int_services__catalogued') }}
),

other_names as (
    select * from {{ ref('stg_backstage__aliases') }}
),

-- The kind says where the value may be used: an id of one tool never matches another's.
names as (
    select
        'pagerduty' as alias_kind,
        services.pagerduty_id as alias_value,
        services.service_id
    from services
    union all
    select
        'opsgenie' as alias_kind,
        services.opsgenie_id as alias_value,
        services.service_id
    from services
    union all
    select
        'servicenow' as alias_kind,
        services.servicenow_id as alias_value,
        services.service_id
    from services
    union all
    select
        'name' as alias_kind,
        services.service_name as alias_value,
        services.service_id
    from services
    union all
    select
        'name' as alias_kind,
        services.service_title as alias_value,
        services.service_id
    from services
    union all
    select
        'name' as alias_kind,
        services.kubernetes_id as alias_value,
        services.service_id
    from services
    union all
    select
        'name' as alias_kind,
        services.service_id as alias_value,
        services.service_id
    from services
    union all
    select
        'name' as alias_kind,
        other_names.entity_alias as alias_value,
        services.service_id
    from other_names
    inner join services on other_names.entity_ref = services.service_id
),

normalised as (
    select distinct
        names.alias_kind,
        lower(trim(names.alias_value)) as alias_value,
        names.service_id
    from names
    where trim(names.alias_value) != ''
),

-- Where two services claim a name, it says nothing: no guess.
counted as (
    select
        normalised.alias_kind,
        normalised.alias_value,
        min(normalised.service_id) as service_id,
        count(*) as service_count
    from normalised
    group by normalised.alias_kind, normalised.alias_value
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
