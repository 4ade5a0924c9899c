{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('postmortems', 'postmortem_commits')) }} as documents
),

renamed as (
    select
        -- ids
        postmortem_id,

        -- strings
        repository as repository_name,
        sha as sha_prefix,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
