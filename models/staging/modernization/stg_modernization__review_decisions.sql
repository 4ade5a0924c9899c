{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'review_decisions')) }} as documents
),

renamed as (
    select
        -- strings
        service as service_name,
        decision as review_decision,
        owner as owner_name,
        reason as review_reason,
        {{ person('decided_by') }} as decided_by,

        -- numbers
        ordinal as decision_ordinal,

        -- timestamps
        decided_on,
        due_on,
        hold_until,
        _loaded_at as loaded_at
    from source
)

select * from renamed
