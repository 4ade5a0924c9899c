with decisions as (
    select * from {{ ref('fct_funding_decisions') }}
),

risks as (
    select * from {{ ref('stg_decisions__risks') }}
),

remarks as (
    select * from {{ ref('stg_decisions__remarks') }}
),

-- Each repeated statement is a row; merging without a comment is an approval too.
statements as (
    select
        remarks.commit_sha,
        remarks.remark_kind as approval_kind,
        remarks.remark_state as approval_state,
        remarks.remark_by as approver,
        remarks.remark_text as approval_text,
        remarks.remarked_at as approved_at
    from remarks
    union all
    select
        decisions.commit_sha,
        'merge' as approval_kind,
        'approved' as approval_state,
        coalesce(min(decisions.merged_by), min(decisions.author_name)) as approver,
        cast(null as varchar) as approval_text,
        min(decisions.decided_at) as approved_at
    from decisions
    group by decisions.commit_sha
),

approvals as (
    select
        -- ids
        decisions.decision_id,
        cast(risks.risk_id as varchar) as risk_id,
        decisions.service_id,
        decisions.team_id,

        -- strings
        decisions.service_name,
        decisions.owner,
        decisions.decision,
        decisions.risk_acceptance,
        cast(statements.approval_kind as varchar) as approval_kind,
        cast(statements.approval_state as varchar) as approval_state,
        cast(statements.approver as varchar) as approver,
        cast(statements.approval_text as varchar) as approval_text,
        decisions.pull_request_url,

        -- numbers
        cast(row_number() over (
            partition by decisions.decision_id, risks.risk_id
            order by statements.approved_at, statements.approval_kind, statements.approver
        ) as bigint) as approval_ordinal,

        -- timestamps
        statements.approved_at
    from decisions
    inner join risks
        on
            decisions.commit_sha = risks.commit_sha
            and decisions.candidate_id = risks.candidate_id
            and decisions.cycle_number = risks.cycle_number
    inner join statements on decisions.commit_sha = statements.commit_sha
)

select * from approvals
