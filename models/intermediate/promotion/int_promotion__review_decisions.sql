{{ config(materialized=var('single_use')) }}
{#
    The weekly review's last decision about a service or shared fix, up to as_of. Whether it still
    holds depends on what has happened since, so that is judged with the epic.
#}
with decisions as (
    select *
    from {{ ref('stg_modernization__review_decisions') }}
    where decided_on <= cast({{ as_of() }} as date)
),

aliases as (
    select distinct
        service_aliases.alias_value,
        service_aliases.service_id
    from {{ ref('int_services__aliases') }} as service_aliases
    where service_aliases.alias_kind = 'name'
),

resolved as (
    select
        decisions.*,
        coalesce(aliases.service_id, 'shared-fix:' || trim(decisions.service_name))
            as candidate_id
    from decisions
    left join aliases on lower(trim(decisions.service_name)) = aliases.alias_value
),

newest as (
    select
        resolved.*,
        row_number() over (
            partition by resolved.candidate_id
            order by resolved.decided_on desc, resolved.decision_ordinal desc
        ) as choice
    from resolved
)

select
    -- ids
    newest.candidate_id,

    -- strings
    newest.review_decision,
    newest.owner_name,
    newest.decided_by,
    newest.review_reason,

    -- timestamps
    newest.decided_on,
    newest.due_on,
    newest.hold_until
from newest
where newest.choice = 1
