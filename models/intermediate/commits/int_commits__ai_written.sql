{{ config(materialized=var('single_use')) }}

{#
    Commits whose trailers say that an AI tool wrote them or helped to. Commits without such a
    trailer are not listed: nothing says who wrote them.
#}
with commits as (
    select * from {{ ref('stg_commits__commits') }}
),

trailers as (
    select * from {{ ref('stg_commits__commit_trailers') }}
),

patterns as (
    select * from {{ ref('ai_commit_trailers') }}
),

matched as (
    select
        trailers.repository_name,
        trailers.commit_sha,
        min(trailers.trailer) as trailer
    from trailers
    inner join patterns on trailers.trailer like patterns.trailer_pattern
    group by trailers.repository_name, trailers.commit_sha
),

written as (
    select
        commits.repository_name || '@' || commits.commit_sha as commit_id,
        commits.repository_name,
        commits.commit_sha,
        matched.trailer,
        -- Empty where nobody checked for tests.
        not commits.has_tests_changed as is_without_tests,
        commits.authored_at
    from commits
    inner join matched
        on
            commits.repository_name = matched.repository_name
            and commits.commit_sha = matched.commit_sha
)

select * from written
