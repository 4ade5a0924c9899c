with entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

-- Two files may describe one entity; the reader of a catalog takes one of them, and so do we.
ranked as (
    select
        entities.*,
        row_number() over (
            partition by entities.entity_ref
            order by entities.loaded_at desc, coalesce(entities.entity_title, '')
        ) as entity_rank
    from entities
    where lower(entities.entity_kind) = 'component'
),

catalogued as (
    select
        -- ids
        ranked.entity_ref as service_id,
        ranked.owner_ref as team_id,
        ranked.system_ref as system_id,
        ranked.pagerduty_id,
        ranked.opsgenie_id,
        ranked.servicenow_id,
        ranked.kubernetes_id,

        -- strings
        ranked.entity_name as service_name,
        coalesce(ranked.entity_title, ranked.entity_name) as service_title,
        ranked.entity_type as service_type,
        ranked.lifecycle,
        lower(ranked.maturity) as maturity_level,
        ranked.jira_project_key,
        ranked.dashboard_url
    from ranked
    where ranked.entity_rank = 1
)

select * from catalogued
