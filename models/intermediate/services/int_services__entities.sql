with entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

-- Two files may describe one entity. Whichever was loaded first, the last by name holds.
ranked as (
    select
        entities.*,
        row_number() over (
            partition by entities.entity_ref
            order by entities.file_name desc
        ) as entity_rank
    from entities
)

select
    ranked.entity_ref,
    ranked.owner_ref,
    ranked.system_ref,
    ranked.pagerduty_id,
    ranked.opsgenie_id,
    ranked.servicenow_id,
    ranked.kubernetes_id,
    lower(ranked.entity_kind) as entity_kind,
    ranked.entity_name,
    coalesce(ranked.entity_title, ranked.entity_name) as entity_title,
    ranked.entity_type,
    ranked.lifecycle,
    ranked.email,
    lower(ranked.maturity) as maturity_level,
    ranked.jira_project_key,
    ranked.dashboard_url
from ranked
where ranked.entity_rank = 1
