{{ config(materialized=var('single_use')) }}

{#
    Postmortems that name a commit that an AI tool wrote without tests. An abbreviated hash that
    several commits share names none of them: no guess.
#}
with stated as (
    select * from {{ ref('stg_postmortems__postmortem_commits') }}
),

commits as (
    select * from {{ ref('stg_commits__commits') }}
),

written as (
    select * from {{ ref('int_commits__ai_written') }}
),

found as (
    select distinct
        stated.postmortem_id,
        coalesce(stated.repository_name, '') as repository_name,
        stated.sha_prefix,
        commits.repository_name || '@' || commits.commit_sha as commit_id
    from stated
    inner join commits
        on
            substring(commits.commit_sha, 1, length(stated.sha_prefix)) = stated.sha_prefix
            and coalesce(stated.repository_name, commits.repository_name)
            = commits.repository_name
    where commits.authored_at is null or commits.authored_at <= {{ as_of() }}
),

named as (
    select
        found.postmortem_id,
        min(found.commit_id) as commit_id
    from found
    group by found.postmortem_id, found.repository_name, found.sha_prefix
    having count(*) = 1
),

untested as (
    select
        named.postmortem_id,
        min(written.commit_id) as commit_id,
        count(distinct written.commit_id) as commit_count
    from named
    inner join written on named.commit_id = written.commit_id
    where written.is_without_tests
    group by named.postmortem_id
)

select * from untested
