{{ config(materialized=var('single_use')) }}

{#
    What the catalog says of its entities in annotations and tags. Of two files that describe one
    entity, the last by name holds, as for everything else about it.
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
        max(entities.file_name) as file_name
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
)

select * from held
