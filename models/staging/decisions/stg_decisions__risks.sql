{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('decisions', 'risks')) }} as documents
),

renamed as (
    select
        -- ids
        id as candidate_id,
        {{ commit_of_file() }} as commit_sha,
        risk_id,

        -- numbers
        cycle as cycle_number,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
