{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{
        newest_version(
            current_rows(source('commits', 'commits')), ['lower(repository)', 'lower(sha)'],
            ['authored_at']
        )
    }} as newest
),

renamed as (
    select
        -- strings
        lower(trim(repository)) as repository_name,
        lower(trim(sha)) as commit_sha,

        -- booleans
        tests_changed as has_tests_changed,

        -- timestamps
        authored_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
