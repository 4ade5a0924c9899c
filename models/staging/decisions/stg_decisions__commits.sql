{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('decisions', 'commits')) }} as documents
),

renamed as (
    select
        -- ids
        sha as commit_sha,

        -- strings
        {{ person('author_name') }} as author_name,
        subject,
        pull_request_url,
        opened_by,
        {{ person('merged_by') }} as merged_by,

        -- numbers
        position as commit_position,

        -- timestamps
        committed_at,
        merged_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
