{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('commits', 'commit_trailers')) }} as documents
),

renamed as (
    select distinct
        lower(trim(repository)) as repository_name,
        lower(trim(sha)) as commit_sha,
        lower(trim(trailer)) as trailer
    from source
)

select * from renamed
