with entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

relations as (
    select * from {{ ref('stg_backstage__relations') }}
),

-- Backstage's API states an entity's owner even where its file doesn't. The first counts.
related as (
    select
        placed.entity_ref,
        min(case when placed.relation = 'ownedBy' then placed.target_ref end) as owner_ref,
        min(case when placed.relation = 'partOf' then placed.target_ref end) as system_ref
    from (
        select
            relations.entity_ref,
            relations.relation,
            relations.target_ref,
            row_number() over (
                partition by relations.entity_ref, relations.relation
                order by relations.relation_ordinal, relations.target_ref
            ) as relation_rank
        from relations
        where
            relations.relation = 'ownedBy'
            or (relations.relation = 'partOf' and relations.target_ref like 'system:%')
    ) as placed
    where placed.relation_rank = 1
    group by placed.entity_ref
),

-- Of two files that describe one entity the first by name counts, whenever they were loaded, and
-- no owner where they differ: only people know which file is right.
ranked as (
    select
        entities.*,
        min(entities.owner_ref) over (partition by entities.entity_ref) as first_owner_ref,
        max(entities.owner_ref) over (partition by entities.entity_ref) as last_owner_ref,
        row_number() over (
            partition by entities.entity_ref
            order by entities.file_name, entities.loaded_at
        ) as entity_rank
    from entities
)

select
    ranked.entity_ref,
    case
        when coalesce(ranked.first_owner_ref = ranked.last_owner_ref, true)
            then coalesce(ranked.first_owner_ref, related.owner_ref)
    end as owner_ref,
    coalesce(ranked.system_ref, related.system_ref) as system_ref,
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
    ranked.dashboard_url,
    ranked.revenue_per_hour_usd
from ranked
left join related on ranked.entity_ref = related.entity_ref
where ranked.entity_rank = 1
