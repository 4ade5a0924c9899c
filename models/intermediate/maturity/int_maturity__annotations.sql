{{ config(materialized=var('single_use')) }}

{#
    What the catalog says of its entities in annotations and tags. Of two files that describe one
    entity, the first by name counts, as for everything else about it. An observed canary or
    automated rollback outweighs any statement about it.
#}
with entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

annotations as (
    select * from {{ ref('stg_backstage__annotations') }}
),

tags as (
    select * from {{ ref('stg_backstage__tags') }}
),

files as (
    select
        entities.entity_ref,
        min(entities.file_name) as file_name
    from entities
    group by entities.entity_ref
),

stated as (
    select
        annotations.entity_ref,
        annotations.file_name,
        'annotation' as evidence_kind,
        annotations.annotation as evidence_key,
        trim(annotations.annotation_value) as stated_value,
        annotations.annotation_date as stated_on
    from annotations
    union all
    select
        tags.entity_ref,
        tags.file_name,
        'tag' as evidence_kind,
        lower(trim(tags.tag)) as evidence_key,
        lower(trim(tags.tag)) as stated_value,
        cast(null as date) as stated_on
    from tags
),

held as (
    select
        stated.entity_ref as service_id,
        stated.evidence_kind,
        stated.evidence_key,
        max(stated.stated_value) as stated_value,
        max(stated.stated_on) as stated_on
    from stated
    inner join files
        on
            stated.entity_ref = files.entity_ref
            and stated.file_name = files.file_name
    group by stated.entity_ref, stated.evidence_kind, stated.evidence_key
),

rollouts as (
    select *
    from {{ ref('fct_rollouts') }}
    where tool_name = 'argo_rollouts' and is_latest and service_id is not null
),

seen as (
    select
        rollouts.service_id,
        'paydown/canary' as evidence_key,
        'seen at ' || min(rollouts.planned_steps) as stated_value
    from rollouts
    where rollouts.is_canary
    group by rollouts.service_id
    union all
    select
        rollouts.service_id,
        'paydown/automated-rollback' as evidence_key,
        'analysis of the rollout ' || min(rollouts.object_name) as stated_value
    from rollouts
    where rollouts.has_automated_rollback
    group by rollouts.service_id
),

shown as (
    select
        seen.service_id,
        'annotation' as evidence_kind,
        seen.evidence_key,
        seen.stated_value,
        cast(null as date) as stated_on
    from seen
    union all
    select held.*
    from held
    left join seen
        on
            held.service_id = seen.service_id
            and held.evidence_kind = 'annotation'
            and held.evidence_key = seen.evidence_key
    where seen.service_id is null
)

select * from shown
