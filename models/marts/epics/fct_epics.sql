with epics as (
    select * from {{ ref('int_epics__epics') }}
),

services as (
    select * from {{ ref('int_epics__services') }}
),

catalog as (
    select * from {{ ref('dim_services') }}
),

-- By the hash of the service or shared fix; the ledger has both.
fundings as (
    select
        decisions.*,
        {{ sha256_hex('decisions.candidate_id') }} as service_hash
    from {{ ref('fct_funding_decisions') }} as decisions
    where decisions.is_current
),

stories as (
    select * from {{ ref('int_epics__stories') }}
),

links as (
    select * from {{ ref('bridge_epic_postmortems') }}
),

epic_incidents as (
    select * from {{ ref('bridge_epic_incidents') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

rollouts as (
    select * from {{ ref('int_epics__rollouts') }}
),

story_counts as (
    select
        stories.epic_id,
        count(*) as story_count,
        sum(case when stories.is_open then 0 else 1 end) as done_story_count,
        {{ exact_sum('stories.logged_days') }} as logged_days
    from stories
    group by stories.epic_id
),

reviews as (
    select
        links.epic_id,
        {{ text_list('links.postmortem_id', "', '", 'order by links.postmortem_id') }}
            as postmortem_ids,
        min(postmortems.completed_at) as first_postmortem_at
    from links
    inner join postmortems on links.postmortem_id = postmortems.postmortem_id
    group by links.epic_id
),

-- An incident whose postmortem doesn't say when impact began counts from its trigger.
impacts as (
    select
        epic_incidents.epic_id,
        count(*) as incident_count,
        min(coalesce(postmortems.impact_started_at, incidents.triggered_at)) as first_impact_at
    from epic_incidents
    inner join incidents on epic_incidents.incident_id = incidents.incident_id
    left join postmortems on incidents.postmortem_id = postmortems.postmortem_id
    group by epic_incidents.epic_id
),

facts as (
    select
        -- ids
        cast(epics.epic_id as varchar) as epic_id,
        cast(epics.epic_key as varchar) as epic_key,
        cast(epics.previous_epic_key as varchar) as previous_epic_key,
        services.service_id,
        catalog.team_id,
        cast(epics.source_item_id as varchar) as source_item_id,
        cast(epics.item_ref as varchar) as item_ref,

        -- strings
        cast(epics.tracker_name as varchar) as tracker_name,
        cast(epics.epic_title as varchar) as epic_title,
        cast(services.service_name as varchar) as service_name,
        cast(epics.status_name as varchar) as status_name,
        cast(epics.assignee_name as varchar) as assignee_name,
        cast(coalesce(epics.owner_name, catalog.owner) as varchar) as owner,
        cast(epics.epic_url as varchar) as epic_url,
        cast(fundings.decision as varchar) as funding_decision,
        cast(reviews.postmortem_ids as varchar) as postmortem_ids,
        cast(rollouts.application_name as varchar) as application_name,
        cast(rollouts.passed_steps as varchar) as passed_steps,
        cast(rollouts.rollout_state as varchar) as rollout_state,
        cast(rollouts.shipped_by as varchar) as shipped_by,

        -- numbers
        epics.cycle_number,
        cast(epics.score as double precision) as score,
        cast(epics.slo_burn as double precision) as slo_burn,
        cast(epics.story_points as double precision) as story_points,
        cast(epics.estimate_days as double precision) as estimate_days,
        cast(epics.budget_usd as double precision) as budget_usd,
        -- Time logged on an epic excludes that on the stories below it.
        cast(
            case
                when coalesce(epics.logged_days, story_counts.logged_days) is not null
                    then coalesce(epics.logged_days, 0) + coalesce(story_counts.logged_days, 0)
            end as double precision
        ) as logged_days,
        fundings.amount_usd as funded_usd,
        cast(coalesce(impacts.incident_count, 0) as bigint) as incident_count,
        cast(coalesce(story_counts.story_count, 0) as bigint) as story_count,
        cast(coalesce(story_counts.done_story_count, 0) as bigint) as done_story_count,
        cast(coalesce(rollouts.rollout_count, 0) as bigint) as rollout_count,
        case
            when epics.opened_at is not null then cast(
                floor(
                    greatest(
                        {{ seconds_between(
                            'epics.opened_at',
                            'coalesce(epics.closed_at, epics.deleted_at, ' ~ as_of() ~ ')'
                        ) }},
                        0
                    ) / 86400.0
                ) as bigint
            )
        end as days_open,

        -- booleans
        epics.is_open,
        -- Due on a day means by its end; work that was closed late is no longer overdue.
        coalesce(epics.is_open and epics.due_date < cast({{ as_of() }} as date), false)
            as is_overdue,
        epics.is_deleted,
        epics.is_hidden,
        epics.is_read_back,
        coalesce(rollouts.is_rollout_missing, false) as is_rollout_missing,

        -- timestamps
        epics.due_date,
        impacts.first_impact_at,
        reviews.first_postmortem_at,
        epics.opened_at,
        epics.closed_at,
        epics.deleted_at,
        epics.updated_at,
        rollouts.rolled_out_at,
        rollouts.shipped_at,
        case when fundings.decision = 'approved' then fundings.decided_at end as funded_at
    from epics
    inner join services on epics.epic_id = services.epic_id
    left join catalog on services.service_id = catalog.service_id
    left join fundings
        on
            coalesce(epics.service_hash, {{ sha256_hex('services.service_id') }})
            = fundings.service_hash
            and epics.cycle_number = fundings.cycle_number
    left join rollouts on epics.epic_id = rollouts.epic_id
    left join story_counts on epics.epic_id = story_counts.epic_id
    left join reviews on epics.epic_id = reviews.epic_id
    left join impacts on epics.epic_id = impacts.epic_id
)

select * from facts
