{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'maturity_evidence')) }} as documents
),

renamed as (
    select
        -- strings
        evidence_kind,
        evidence_key,

        -- numbers
        level_ordinal,
        criterion_ordinal,
        evidence_ordinal,
        within_days,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
