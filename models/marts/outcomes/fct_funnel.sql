{#
    From incident to investment: the stage that each incident that deserved a review has reached,
    when it did, and whom it waits for. A later stage implies the earlier ones: what was shipped was
    funded, even if nobody recorded it.
#}
with incidents as (
    select *
    from {{ ref('fct_incidents') }}
    where
        severity_level <= {{ var('review_severity') }}
        and not is_flap
        and triggered_at <= {{ as_of() }}
),

services as (
    select * from {{ ref('dim_services') }}
),

postmortems as (
    select *
    from {{ ref('fct_postmortems') }}
    where completed_at <= {{ as_of() }} or (is_complete and completed_at is null)
),

scores as (
    select * from {{ ref('fct_service_scores') }}
),

epic_postmortems as (
    select * from {{ ref('bridge_epic_postmortems') }}
),

epic_incidents as (
    select * from {{ ref('bridge_epic_incidents') }}
),

epics as (
    select *
    from {{ ref('fct_epics') }}
    where opened_at <= {{ as_of() }}
),

payback as (
    select * from {{ ref('fct_epic_payback') }}
),

decisions as (
    select *
    from {{ ref('fct_funding_decisions') }}
    where is_current
),

links as (
    select
        incidents.incident_id,
        epic_postmortems.epic_id
    from incidents
    inner join epic_postmortems on incidents.postmortem_id = epic_postmortems.postmortem_id
    union distinct
    select
        epic_incidents.incident_id,
        epic_incidents.epic_id
    from epic_incidents
),

-- Of several epics the one that is furthest counts; one that was closed before the incident can't
-- answer it. An incident joins an already open epic by its review.
linked as (
    select
        links.incident_id,
        epics.epic_id,
        epics.owner,
        case
            when postmortems.completed_at > epics.opened_at then postmortems.completed_at
            else epics.opened_at
        end as promoted_at,
        epics.is_open,
        epics.is_rollout_missing and payback.verdict != 'not delivered' as is_rollout_missing,
        payback.verdict,
        payback.delivered_at,
        case when payback.verdict = 'improved' then payback.after_until end as proven_at,
        row_number() over (
            partition by links.incident_id
            order by
                case
                    when payback.verdict = 'improved' then 0
                    when payback.delivered_at is not null then 1
                    when epics.is_open then 2
                    else 3
                end,
                epics.opened_at,
                epics.epic_id
        ) as choice
    from links
    inner join epics on links.epic_id = epics.epic_id
    inner join incidents on links.incident_id = incidents.incident_id
    left join postmortems on incidents.postmortem_id = postmortems.postmortem_id
    left join payback on epics.epic_id = payback.epic_id
    where
        coalesce(epics.closed_at, epics.deleted_at) is null
        or coalesce(epics.closed_at, epics.deleted_at) > incidents.triggered_at
),

-- A day is scored at its end, so it includes reviews of that day. The scoring time is unknown for
-- reviews before the first day in reach and for those without a completion date.
first_scores as (
    select min(scores.scoring_at) as first_scored_at
    from scores
),

scored as (
    select
        incidents.incident_id,
        case
            when
                min(postmortems.completed_at)
                > {{ time_after('min(first_scores.first_scored_at)', -1, 'day') }}
                then min(scores.scoring_at)
        end as scored_at
    from incidents
    inner join postmortems on incidents.postmortem_id = postmortems.postmortem_id
    inner join scores
        on
            incidents.service_id = scores.service_id
            and coalesce(postmortems.completed_at, incidents.triggered_at) <= scores.scoring_at
    cross join first_scores
    group by incidents.incident_id
),

funded as (
    select
        decisions.service_id,
        max(case when decisions.decision = 'approved' then decisions.decided_at end)
            as approved_at,
        max(decisions.decision) as decision
    from decisions
    group by decisions.service_id
),

moments as (
    select
        incidents.incident_id,
        incidents.service_id,
        incidents.team_id,
        incidents.postmortem_id,
        linked.epic_id,
        incidents.service_name,
        coalesce(linked.owner, incidents.owner) as owner,
        incidents.incident_title,
        incidents.severity_level,
        incidents.is_open,
        postmortems.decision_action,
        funded.decision,
        linked.verdict,
        linked.is_open as is_epic_open,
        coalesce(linked.is_rollout_missing, false) as is_rollout_missing,
        incidents.triggered_at as occurred_at,
        postmortems.completed_at as reviewed_at,
        case when services.is_catalogued then postmortems.completed_at end as tagged_at,
        scored.scored_at,
        postmortems.postmortem_id is not null as is_reviewed,
        postmortems.postmortem_id is not null and coalesce(services.is_catalogued, false)
            as is_tagged,
        scored.incident_id is not null as is_scored,
        linked.promoted_at,
        case when linked.epic_id is not null then funded.approved_at end as funded_at,
        linked.delivered_at as shipped_at,
        linked.proven_at
    from incidents
    left join services on incidents.service_id = services.service_id
    left join postmortems on incidents.postmortem_id = postmortems.postmortem_id
    left join scored on incidents.incident_id = scored.incident_id
    left join linked on incidents.incident_id = linked.incident_id and linked.choice = 1
    left join funded on incidents.service_id = funded.service_id
),

staged as (
    select
        moments.*,
        case
            when moments.proven_at is not null then 8
            when moments.shipped_at is not null then 7
            when moments.funded_at is not null then 6
            when moments.promoted_at is not null then 5
            when moments.is_scored and moments.is_tagged then 4
            when moments.is_tagged then 3
            when moments.is_reviewed then 2
            else 1
        end as stage_number
    from moments
),

judged as (
    select
        staged.*,
        case
            when staged.stage_number = 8 then 'proven'
            when
                staged.stage_number = 7 and staged.verdict in ('worse', 'no comparison')
                then 'left'
            when
                staged.stage_number in (5, 6)
                and not staged.is_epic_open
                and not staged.is_rollout_missing
                then 'left'
            when staged.stage_number = 5 and staged.decision = 'rejected' then 'left'
            when
                staged.stage_number between 2 and 4 and staged.decision_action = 'close'
                then 'left'
            else 'in progress'
        end as outcome,
        case
            when staged.stage_number = 8 then 'its epic paid back'
            when staged.stage_number = 7 then 'payback of its epic: ' || staged.verdict
            when staged.stage_number in (5, 6) and staged.is_rollout_missing
                then 'its epic was closed, but nothing was rolled out since it opened'
            when staged.stage_number in (5, 6) and not staged.is_epic_open
                then 'its epic was closed without the work'
            when staged.stage_number = 6 then 'its epic is funded and not delivered yet'
            when staged.stage_number = 5 and staged.decision in ('rejected', 'deferred')
                then 'money for its epic was ' || staged.decision
            when staged.stage_number = 5 then 'its epic has no funding decision'
            when staged.stage_number between 2 and 4 and staged.decision_action = 'close'
                then 'closed as hygiene by its review'
            when staged.stage_number = 4 then 'no epic names it'
            when staged.stage_number = 3 then 'its service is not scored yet'
            when staged.stage_number = 2 then 'its service is not in the catalog'
            when staged.is_open then 'it is not over yet'
            else 'it has no complete postmortem'
        end as reason,
        case
            when staged.stage_number = 8 then null
            when staged.stage_number = 7 then 'time'
            when staged.stage_number = 5 and not staged.is_rollout_missing
                then 'executive triage'
            when staged.stage_number = 4 then 'weekly review'
            else coalesce(staged.owner, 'nobody: the service has no owner')
        end as waiting_on,
        coalesce(
            staged.shipped_at, staged.funded_at, staged.promoted_at, staged.scored_at,
            staged.reviewed_at, staged.occurred_at
        ) as waiting_since
    from staged
),

funnel as (
    select
        -- ids
        judged.incident_id,
        judged.service_id,
        judged.team_id,
        judged.postmortem_id,
        cast(judged.epic_id as varchar) as epic_id,

        -- strings
        judged.service_name,
        cast(judged.owner as varchar) as owner,
        judged.incident_title,
        cast(
            case judged.stage_number
                when 1 then 'occurred'
                when 2 then 'reviewed'
                when 3 then 'tagged'
                when 4 then 'scored'
                when 5 then 'promoted'
                when 6 then 'funded'
                when 7 then 'shipped'
                else 'proven'
            end as varchar
        ) as stage,  -- noqa: RF04
        cast(judged.outcome as varchar) as outcome,
        cast(judged.reason as varchar) as reason,
        cast(case when judged.outcome = 'in progress' then judged.waiting_on end as varchar)
            as waiting_on,

        -- numbers
        cast(judged.stage_number as bigint) as stage_number,
        judged.severity_level,

        -- timestamps
        case when judged.outcome = 'in progress' then judged.waiting_since end as waiting_since,
        judged.occurred_at,
        judged.reviewed_at,
        judged.tagged_at,
        judged.scored_at,
        judged.promoted_at,
        judged.funded_at,
        judged.shipped_at,
        judged.proven_at
    from judged
)

select * from funnel
