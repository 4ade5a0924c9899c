{{ config(materialized=var('single_use')) }}

{#
    Services of PagerDuty and Opsgenie that alert for a service of the catalog: those that the
    catalog names, and those with one of the service's names in the tool.
#}
with services as (
    select * from {{ ref('int_services__catalogued') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

pagerduty_services as (
    select * from {{ ref('stg_pagerduty__services') }}
),

opsgenie_services as (
    select * from {{ ref('stg_opsgenie__services') }}
),

connected as (
    select
        services.service_id,
        'PagerDuty ' || services.pagerduty_id as alerting_service,
        coalesce(lower(pagerduty_services.service_status) = 'disabled', false) as is_disabled
    from services
    left join pagerduty_services
        on
            ',' || replace(replace(services.pagerduty_id, ';', ','), ' ', ',') || ','
            like '%,' || pagerduty_services.source_service_id || ',%'
    where trim(services.pagerduty_id) != ''
    union distinct
    select
        services.service_id,
        'Opsgenie '
        || coalesce({{ plain_selector('services.opsgenie_id') }}, services.opsgenie_id)
            as alerting_service,
        false as is_disabled
    from services
    where trim(services.opsgenie_id) != ''
    union distinct
    select
        aliases.service_id,
        'PagerDuty ' || pagerduty_services.source_service_id as alerting_service,
        coalesce(lower(pagerduty_services.service_status) = 'disabled', false) as is_disabled
    from pagerduty_services
    inner join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(pagerduty_services.service_name)) = aliases.alias_value
    union distinct
    select
        aliases.service_id,
        'Opsgenie ' || opsgenie_services.source_service_name as alerting_service,
        false as is_disabled
    from opsgenie_services
    inner join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(opsgenie_services.source_service_name)) = aliases.alias_value
)

select * from connected
