with claims as (
    select * from {{ ref('int_services__claims') }}
),

entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

-- Many services may share one pod label; that is no conflict.
claimed as (
    select
        case when claims.alias_kind = 'name' then 'name' else 'id' end as conflict_kind,
        claims.alias_id as conflict_subject,
        claims.claimed_by
    from claims
    where claims.service_count > 1 and claims.claim_rank = 1
),

described as (
    select
        'entity' as conflict_kind,
        entities.entity_ref as conflict_subject,
        {{ text_list('entities.file_name', "' and '", 'order by entities.file_name') }}
            as claimed_by
    from entities
    group by entities.entity_ref
    having count(*) > 1
),

selected as (
    select
        'selector' as conflict_kind,
        entities.entity_ref as conflict_subject,
        min(entities.opsgenie_id) as claimed_by
    from entities
    where entities.opsgenie_id is not null
    group by entities.entity_ref
    having min({{ plain_selector('entities.opsgenie_id') }}) is null
),

conflicts as (
    select * from claimed
    union all
    select * from described
    union all
    select * from selected
)

select
    conflicts.conflict_kind || ':' || conflicts.conflict_subject as conflict_id,
    conflicts.conflict_kind,
    conflicts.conflict_subject,
    conflicts.claimed_by
from conflicts
