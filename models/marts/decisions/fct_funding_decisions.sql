with entries as (
    select * from {{ ref('stg_decisions__entries') }}
),

commits as (
    select *
    from {{ ref('stg_decisions__commits') }}
    where committed_at <= {{ as_of() }}
),

remarks as (
    select * from {{ ref('stg_decisions__remarks') }}
),

risks as (
    select * from {{ ref('stg_decisions__risks') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

approvers as (
    select distinct
        remarks.commit_sha,
        remarks.remark_by
    from remarks
    where remarks.remark_state = 'approved' and remarks.remark_by is not null
),

approvals as (
    select
        approvers.commit_sha,
        {{ text_list('approvers.remark_by', "', '", 'order by approvers.remark_by') }}
            as approved_by
    from approvers
    group by approvers.commit_sha
),

risk_lists as (
    select
        risks.commit_sha,
        risks.candidate_id,
        risks.cycle_number,
        {{ text_list('risks.risk_id', "', '", 'order by risks.risk_id') }} as risk_ids
    from risks
    group by risks.commit_sha, risks.candidate_id, risks.cycle_number
),

versions as (
    select
        entries.*,
        commits.author_name,
        commits.pull_request_url,
        commits.merged_by,
        commits.commit_position,
        coalesce(commits.merged_at, commits.committed_at) as decided_at,
        entries.decision
        || '|' || coalesce(entries.decided_by, '')
        || '|' || coalesce(cast(entries.decided_on as varchar), '')
        || '|' || coalesce(cast(entries.amount_usd as varchar), '')
        || '|' || coalesce(cast(entries.deferred_until as varchar), '')
        || '|' || coalesce(entries.note, '')
        || '|' || coalesce(entries.risk_acceptance, '') as entry_text
    from entries
    inner join commits on entries.commit_sha = commits.commit_sha
),

compared as (
    select
        versions.*,
        lag(versions.entry_text) over (
            partition by versions.candidate_id, versions.cycle_number
            order by versions.commit_position
        ) as previous_entry_text,
        lag(versions.decision) over (
            partition by versions.candidate_id, versions.cycle_number
            order by versions.commit_position
        ) as decision_before
    from versions
),

-- A change of budget without a decision is none.
decisions as (
    select
        compared.*,
        row_number() over (
            partition by compared.candidate_id, compared.cycle_number
            order by compared.commit_position desc
        ) as recency
    from compared
    where
        (compared.decision != 'pending' or compared.decision_before != 'pending')
        and (
            compared.previous_entry_text is null
            or compared.previous_entry_text != compared.entry_text
        )
),

newest as (
    select max(commits.commit_position) as commit_position
    from commits
),

-- Removing an entry from the file withdraws the decision about it.
present as (
    select
        versions.candidate_id,
        versions.cycle_number
    from versions
    inner join newest on versions.commit_position = newest.commit_position
),

facts as (
    select
        -- ids
        cast(
            {{ sha256_hex(
                "decisions.candidate_id || '|' || cast(decisions.cycle_number as varchar)"
                ~ " || '|' || decisions.commit_sha"
            ) }} as varchar
        ) as decision_id,
        cast(decisions.candidate_id as varchar) as candidate_id,
        services.service_id,
        services.team_id,
        cast(decisions.commit_sha as varchar) as commit_sha,

        -- strings
        cast(coalesce(services.service_name, decisions.service_name) as varchar)
            as service_name,
        services.owner,
        case
            when decisions.decision = 'pending' then 'withdrawn' else decisions.decision
        end as decision,
        cast(decisions.decided_by as varchar) as decided_by,
        cast(decisions.note as varchar) as note,
        cast(decisions.risk_acceptance as varchar) as risk_acceptance,
        cast(risk_lists.risk_ids as varchar) as risk_ids,
        cast(decisions.author_name as varchar) as author_name,
        cast(decisions.merged_by as varchar) as merged_by,
        cast(approvals.approved_by as varchar) as approved_by,
        cast(decisions.pull_request_url as varchar) as pull_request_url,

        -- numbers
        cast(decisions.cycle_number as bigint) as cycle_number,
        cast(
            case when decisions.decision = 'approved' then decisions.amount_usd end
            as double precision
        ) as amount_usd,

        -- booleans
        decisions.recency = 1
        and decisions.decision != 'pending'
        and present.candidate_id is not null as is_current,

        -- timestamps
        decisions.decided_on,
        decisions.deferred_until,
        decisions.decided_at
    from decisions
    left join services on decisions.candidate_id = services.service_id
    left join approvals on decisions.commit_sha = approvals.commit_sha
    left join risk_lists
        on
            decisions.commit_sha = risk_lists.commit_sha
            and decisions.candidate_id = risk_lists.candidate_id
            and decisions.cycle_number = risk_lists.cycle_number
    left join present
        on
            decisions.candidate_id = present.candidate_id
            and decisions.cycle_number = present.cycle_number
)

select * from facts
