{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('decisions', 'entries')) }} as documents
),

renamed as (
    select
        -- ids
        id as candidate_id,
        {{ commit_of_file() }} as commit_sha,

        -- strings
        service as service_name,
        decision,
        {{ person('decided_by') }} as decided_by,
        note,
        risk_acceptance,

        -- numbers
        cycle as cycle_number,
        amount as amount_usd,

        -- timestamps
        decided_on,
        until as deferred_until,
        _loaded_at as loaded_at
    from source
)

select * from renamed
