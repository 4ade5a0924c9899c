{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('postmortems', 'postmortem_risks')) }} as documents
),

renamed as (
    select
        -- ids
        postmortem_id,
        risk_id,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
