with entities as (
    select * from {{ ref('int_services__entities') }}
),

catalogued as (
    select
        -- ids
        entities.entity_ref as service_id,
        entities.owner_ref as team_id,
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
        entities.dashboard_url
    from entities
    where entities.entity_kind = 'component'
)

select * from catalogued
