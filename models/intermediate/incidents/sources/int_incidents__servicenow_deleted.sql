{{ config(materialized=var('single_use')) }}

{#
    Deletions are reported by the audit, for audited tables only and even where the record was
    restored later, and by a sweep of all ids, where absence may also mean that access rules hide a
    record.
#}
with incidents as (
    select * from {{ ref('stg_servicenow__incidents') }}
),

deletions as (
    select * from {{ ref('stg_servicenow__deletions') }}
),

seen as (
    select * from {{ ref('stg_servicenow__incident_ids') }}
),

sweeps as (
    select *
    from {{ ref('stg_servicenow__sweeps') }}
    where stream_name = 'incidents'
),

audited as (
    select
        deletions.deleted_sys_id,
        max(deletions.deleted_at) as deleted_at
    from deletions
    group by deletions.deleted_sys_id
),

seen_once as (
    select distinct seen.source_sys_id
    from seen
),

judged as (
    select
        incidents.source_incident_id,
        case
            -- A sweep after the deletion found it: it was restored.
            when seen_once.source_sys_id is not null and sweeps.swept_at > audited.deleted_at
                then null
            when audited.deleted_at >= coalesce(incidents.updated_at, audited.deleted_at)
                then 'audit'
            when
                seen_once.source_sys_id is null
                and sweeps.swept_at > incidents.updated_at
                and sweeps.hidden_count = 0
                then 'sweep'
        end as deleted_by
    from incidents
    left join audited on incidents.source_sys_id = audited.deleted_sys_id
    left join seen_once on incidents.source_sys_id = seen_once.source_sys_id
    left join sweeps
        on
            incidents.source_sys_id is not null
            and incidents.created_at < sweeps.created_before
            and incidents.created_at >= coalesce(sweeps.created_since, incidents.created_at)
            and incidents.updated_at >= sweeps.updated_since
),

-- Parts of a sweep don't overlap; if two did, one would be enough.
deleted as (
    select
        judged.source_incident_id,
        min(judged.deleted_by) as deleted_by
    from judged
    where judged.deleted_by is not null
    group by judged.source_incident_id
)

select * from deleted
