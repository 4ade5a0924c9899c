{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('decisions', 'remarks')) }} as documents
),

renamed as (
    select
        -- ids
        sha as commit_sha,

        -- strings
        kind as remark_kind,
        {{ person('remark_by') }} as remark_by,
        state as remark_state,
        body as remark_text,

        -- timestamps
        remarked_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
