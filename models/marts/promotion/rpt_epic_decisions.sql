{#
    What is to be done in the tracker for each candidate, and why. Python acts on it and decides
    nothing: it determines the key of a new epic, and whether the ledger has changed meanwhile.
#}
{%- set shown = 5 -%}

with comparisons as (
    select * from {{ ref('int_promotion__comparisons') }}
),

ledger as (
    select *
    from {{ ref('stg_paydown__epics') }}
    where is_current_tracker
),

-- A review's no holds until its date, or until the next incident; its yes until the epic is
-- closed.
reviewed as (
    select
        comparisons.*,
        case
            when comparisons.review_decision = 'defer'
                then comparisons.scoring_date < comparisons.review_hold_until
            when comparisons.review_decision = 'close'
                then
                    coalesce(comparisons.scoring_date < comparisons.review_hold_until, true)
                    and (
                        comparisons.review_hold_until is not null
                        or coalesce(
                            cast(comparisons.newest_incident_at as date)
                            <= comparisons.review_decided_on,
                            true
                        )
                    )
            else coalesce(comparisons.review_decision = 'bundle', false)
        end as is_declined,
        coalesce(
            comparisons.review_decision = 'promote'
            and coalesce(
                cast(comparisons.closed_at as date) <= comparisons.review_decided_on, true
            ),
            false
        ) as is_approved
    from comparisons
),

directed as (
    select
        reviewed.*,
        case
            when not reviewed.is_approved or reviewed.decision not in ('bundle', 'close', 'blocked')
                then reviewed.decision
            when
                reviewed.owner != ''
                and reviewed.due_date is not null
                and reviewed.budget_usd is not null
                and reviewed.exit_criteria != ''
                then 'promote'
            when reviewed.decision = 'blocked' then 'blocked'
            else 'incomplete'
        end as direction
    from reviewed
),

judged as (
    select
        directed.*,
        case
            when directed.direction = 'close' and not directed.is_open then 'hygiene'
            when directed.direction = 'close' and directed.tracker_problem is not null
                then 'close_unreachable'
            when directed.direction = 'close' and directed.state_problem is not null
                then 'unknown'
            when directed.direction = 'close' and not directed.is_untouched
                then 'close_touched'
            when directed.direction = 'close' and directed.shrunk_streams is not null
                then 'close_shrunk'
            when
                directed.direction = 'close'
                and directed.closable_at > cast(directed.scoring_date as timestamp)
                then 'close_early'
            when directed.direction = 'close' then 'close'
            when directed.direction = 'blocked' then 'blocked'
            when directed.state_problem is not null then 'unknown'
            when directed.direction = 'incomplete' and not directed.is_open then 'incomplete'
            when directed.direction = 'shared' and not directed.is_open then 'shared'
            when
                directed.is_open
                and not directed.is_said_unknown
                and directed.changes = ''
                and directed.pending_change_id is null
                and not directed.is_fix_unsaid
                then 'current'
            when
                directed.is_open
                and directed.shrunk_streams is not null
                and directed.score < directed.said_score
                then 'update_shrunk'
            when directed.is_open then 'update'
            when directed.direction = 'bundle' then 'no_epic_to_join'
            when directed.is_unfinished then 'open'
            when directed.is_declined then 'declined'
            when directed.is_opened_after_review and not directed.is_approved then 'undecided'
            when directed.epic_key is null then 'open'
            when directed.is_approved then 'open'
            when directed.newest_incident_at > directed.closed_at then 'open'
            -- Its score fell for a temporary reason, such as a missing input.
            when directed.is_closed_as_hygiene then 'open'
            else 'no_incident_since'
        end as verdict
    from directed
),

-- An epic that is, or may be, open counts for its team, whatever the state of its service.
owned as (
    select
        ledger.epic_key,
        ledger.service_name,
        case
            when comparisons.service_id is null then ledger.team_name else comparisons.team
        end as team
    from ledger
    left join comparisons on ledger.service_hash = comparisons.service_hash
    where ledger.ledger_state = 'opened' or coalesce(ledger.is_attempted, false)
),

begun as (
    select
        owned.team,
        owned.epic_key || ' (' || owned.service_name || ')' as epic_name,
        row_number() over (partition by owned.team order by owned.epic_key) as place
    from owned
),

begun_counts as (
    select
        begun.team,
        count(*) as begun_count
    from begun
    group by begun.team
),

-- The best ranked go first, as far as their team's limit allows.
placed as (
    select
        judged.*,
        judged.verdict = 'open' and not judged.is_attempted and judged.team is not null
            as is_wanted,
        coalesce(begun_counts.begun_count, 0) + row_number() over (
            partition by judged.team, judged.verdict = 'open' and not judged.is_attempted
            order by judged.score_rank, judged.service_id
        ) as place
    from judged
    left join begun_counts on judged.team = begun_counts.team
),

limited as (
    select
        placed.*,
        case
            when placed.is_wanted and placed.place > placed.wip_limit then 'team_is_full'
            else placed.verdict
        end as outcome
    from placed
),

named as (
    select * from begun
    union all
    select
        limited.team,
        limited.service_name as epic_name,
        limited.place
    from limited
    where limited.is_wanted and limited.outcome = 'open'
),

team_epics as (
    select
        named.team,
        count(*) as epic_count,
        {{ text_list(
            "case when named.place <= " ~ shown ~ " then named.epic_name end",
            "', '",
            'order by named.place'
        ) }} as epic_names
    from named
    group by named.team
),

explained as (
    select
        limited.*,
        'score ' || cast(limited.score as varchar) as scored,
        'its fix is shared with other services, in '
        || coalesce(limited.fix_epic_key, 'an epic that is not open yet') as sharing,
        limited.outcome = 'open' and not limited.is_unfinished as is_new,
        coalesce(team_epics.epic_count, 0) as epic_count,
        team_epics.epic_names
    from limited
    left join team_epics on limited.team = team_epics.team
),

decided as (
    select
        -- ids
        explained.service_id,
        cast(explained.ledger_service_id as varchar) as ledger_service_id,
        cast(
            case
                when explained.is_new then null
                when explained.outcome = 'shared' then explained.fix_epic_key
                else explained.epic_key
            end as varchar
        ) as epic_key,
        cast(
            case
                when explained.is_new then explained.epic_key else explained.previous_epic_key
            end as varchar
        ) as previous_epic_key,
        cast(
            case when explained.is_fix_unsaid then explained.fix_epic_key end as varchar
        ) as shared_epic_key,
        explained.team_id,
        cast(explained.team as varchar) as team,

        -- strings
        cast(explained.service_name as varchar) as service_name,
        cast(explained.owner as varchar) as owner,
        case when explained.direction = 'incomplete' then 'blocked' else explained.direction end
            as decision,
        case
            when explained.outcome in ('open', 'update', 'close') then explained.outcome
            else 'none'
        end as epic_action,
        case
            when explained.outcome = 'open' then 'opened'
            when explained.outcome = 'current' then 'already_open'
            when explained.outcome = 'update' and explained.direction = 'promote' then 'updated'
            when explained.outcome = 'update' then 'bundled'
            when explained.outcome = 'close' then 'closed'
            when explained.outcome in ('hygiene', 'close_touched') then 'closed_as_hygiene'
            when explained.outcome = 'unknown' then 'failed'
            when explained.outcome in ('shared', 'blocked') then explained.outcome
            when explained.outcome = 'incomplete' then 'blocked'
            else 'waiting'
        end as section,
        cast({{ epic_reason('explained', shown) }} as varchar) as reason,
        cast(explained.tracker_problem as varchar) as tracker_problem,

        -- numbers
        explained.score_rank,
        cast(
            case
                when explained.is_new then coalesce(explained.last_cycle, 0) + 1
                else explained.cycle_number
            end as bigint
        ) as cycle_number,
        cast(explained.update_count as bigint) as update_count,

        -- booleans
        coalesce(
            explained.direction in ('promote', 'bundle')
            and explained.outcome != 'unknown'
            and explained.owner != ''
            and explained.due_date is not null
            and explained.budget_usd is not null
            and explained.exit_criteria != '',
            false
        ) as has_stories,

        -- timestamps
        explained.scoring_date
    from explained
)

select * from decided
