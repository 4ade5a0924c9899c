{#
    Action items of postmortems, and their outcomes. Only a ticket that was read shows whether an
    item is done: if no tracker shows the ticket, it is unknown. An item that stays open over many
    reviews, whose owner has left the catalog, or whose due date is moved again and again is a
    zombie.
#}
with items as (
    select * from {{ ref('stg_postmortems__postmortem_action_items') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

work_items as (
    select * from {{ ref('int_epics__items') }}
),

epics as (
    select * from {{ ref('int_epics__epics') }}
),

stories as (
    select * from {{ ref('int_epics__stories') }}
),

epic_postmortems as (
    select * from {{ ref('bridge_epic_postmortems') }}
),

review_decisions as (
    select * from {{ ref('stg_modernization__review_decisions') }}
),

not_delivered as (
    select * from {{ ref('not_delivered_statuses') }}
),

former_people as (
    select * from {{ ref('stg_backstage__former_people') }}
),

item_dates as (
    select * from {{ ref('stg_postmortems__action_item_dates') }}
),

-- A week has a review if something was decided in it.
reviews as (
    select cast({{ dbt.date_trunc('week', 'postmortems.completed_at') }} as date) as reviewed_on
    from postmortems
    where postmortems.decision_action is not null and postmortems.completed_at <= {{ as_of() }}
    union distinct
    select cast({{ dbt.date_trunc('week', 'review_decisions.decided_on') }} as date) as reviewed_on
    from review_decisions
    where review_decisions.decided_on <= cast({{ as_of() }} as date)
),

-- Itself an epic, or below one.
promoted as (
    select epics.item_id
    from epics
    where epics.item_id is not null
    union distinct
    select stories.story_id as item_id
    from stories
),

funded_postmortems as (
    select distinct epic_postmortems.postmortem_id
    from epic_postmortems
),

-- Items of one postmortem with the same title are distinguished by their number.
numbered as (
    select
        items.*,
        row_number() over (
            partition by items.postmortem_id, items.action_item_title
            order by items.due_on, items.ticket_ref, items.owner_name
        ) as title_number
    from items
    inner join postmortems on items.postmortem_id = postmortems.postmortem_id
),

keyed as (
    select
        numbered.postmortem_id || ' > ' || numbered.action_item_title
        || case
            when numbered.title_number > 1
                then ' (' || cast(numbered.title_number as varchar) || ')'
            else ''
        end as action_item_id,
        numbered.*
    from numbered
),

-- In any spelling: MOD-123, AB#4711, #4711, our key or the address.
references_to as (
    select
        work_items.item_id,
        lower(work_items.item_ref) as named_ref
    from work_items
    union distinct
    select
        work_items.item_id,
        lower(work_items.epic_key) as named_ref
    from work_items
    union distinct
    select
        work_items.item_id,
        lower(work_items.item_url) as named_ref
    from work_items
    union distinct
    select
        work_items.item_id,
        'ab#' || work_items.source_item_id as named_ref
    from work_items
    where work_items.tracker_name = 'azure_devops'
    union distinct
    select
        work_items.item_id,
        '#' || work_items.source_item_id as named_ref
    from work_items
    where work_items.tracker_name = 'azure_devops'
),

ticketed as (
    select
        keyed.action_item_id,
        work_items.*,
        row_number() over (
            partition by keyed.action_item_id
            order by
                case when work_items.is_deleted then 1 else 0 end,
                case when work_items.is_open then 0 else 1 end,
                work_items.item_id
        ) as choice
    from keyed
    inner join references_to on lower(trim(keyed.ticket_ref)) = references_to.named_ref
    inner join work_items on references_to.item_id = work_items.item_id
),

tickets as (
    select * from ticketed
    where choice = 1
),

judged as (
    select
        keyed.*,
        tickets.item_id,
        tickets.status_name,
        tickets.item_url,
        case
            when keyed.declined_reason is not null or keyed.declined_on is not null then 'dropped'
            when tickets.item_id is null and keyed.ticket_ref is not null then 'unknown'
            when tickets.is_deleted then 'dropped'
            when not tickets.is_open and not_delivered.status_word is not null then 'dropped'
            when tickets.is_open or tickets.item_id is null then 'open'
            else 'done'
        end as action_item_status,
        case
            when keyed.declined_reason is not null then keyed.declined_reason
            when keyed.declined_on is not null then 'no reason stated'
            when tickets.is_deleted then 'its ticket was deleted'
            when not tickets.is_open and not_delivered.status_word is not null
                then 'its ticket is ' || tickets.status_name
        end as stated_reason,
        coalesce(
            cast(keyed.declined_on as timestamp), tickets.deleted_at,
            case when not tickets.is_open then tickets.closed_at end
        ) as ended_at,
        promoted.item_id is not null or funded_postmortems.postmortem_id is not null
            as is_promoted,
        former_people.person_name is not null as is_owner_gone,
        coalesce(item_dates.redated_count, 0) as redated_count
    from keyed
    left join tickets on keyed.action_item_id = tickets.action_item_id
    left join promoted on tickets.item_id = promoted.item_id
    left join funded_postmortems on keyed.postmortem_id = funded_postmortems.postmortem_id
    left join not_delivered on lower(trim(tickets.status_name)) = not_delivered.status_word
    left join former_people
        on replace(lower(trim(keyed.owner_name)), '@', '') = former_people.person_name
    left join item_dates
        on
            keyed.postmortem_id = item_dates.postmortem_id
            and keyed.action_item_title = item_dates.action_item_title
),

reviewed as (
    select
        judged.action_item_id,
        count(reviews.reviewed_on) as review_count
    from judged
    inner join postmortems on judged.postmortem_id = postmortems.postmortem_id
    left join reviews
        on
            reviews.reviewed_on > cast(postmortems.completed_at as date)
            and reviews.reviewed_on <= cast(coalesce(judged.ended_at, {{ as_of() }}) as date)
    group by judged.action_item_id
),

dated as (
    select
        judged.*,
        reviewed.review_count,
        case when judged.action_item_status = 'done' then judged.ended_at end as done_at,
        case
            when judged.due_on is null then null
            when judged.action_item_status in ('open', 'unknown')
                then cast({{ as_of() }} as date)
            when judged.action_item_status = 'done' then cast(judged.ended_at as date)
        end as counted_on,
        case
            -- Whether an unread ticket waits is unknown.
            when judged.action_item_status != 'open' then null
            when judged.is_owner_gone then 'its owner is no longer in the catalog'
            when judged.redated_count >= 2
                then 're-dated ' || cast(judged.redated_count as varchar) || ' times'
            when reviewed.review_count >= {{ var('zombie_reviews') }}
                then 'carried over ' || cast(reviewed.review_count as varchar) || ' reviews'
        end as zombie_reason
    from judged
    inner join reviewed on judged.action_item_id = reviewed.action_item_id
),

action_items as (
    select
        -- ids
        cast(dated.action_item_id as varchar) as action_item_id,
        dated.postmortem_id,
        postmortems.causal_service_id as service_id,
        postmortems.team_id,
        cast(dated.item_id as varchar) as ticket_id,
        dated.ticket_ref,

        -- strings
        postmortems.service_name,
        coalesce({{ person_or_team('dated.owner_name') }}, postmortems.owner) as owner,
        dated.action_item_title,
        cast(dated.action_item_status as varchar) as action_item_status,
        cast(
            case
                when dated.action_item_status = 'done' then 'done'
                when dated.action_item_status = 'dropped' then 'declined'
                when dated.zombie_reason is not null then 'zombie'
                when dated.is_promoted then 'promoted'
                when dated.ticket_ref is not null then 'ticketed'
                else 'open'
            end as varchar
        ) as conversion_state,
        cast(dated.stated_reason as varchar) as declined_reason,
        cast(dated.zombie_reason as varchar) as zombie_reason,
        cast(dated.status_name as varchar) as ticket_status,
        cast(dated.item_url as varchar) as ticket_url,

        -- numbers
        case
            when dated.counted_on is not null
                then cast(
                    greatest({{ dbt.datediff('dated.due_on', 'dated.counted_on', 'day') }}, 0)
                    as bigint
                )
        end as overdue_days,
        cast(dated.review_count as bigint) as review_count,
        cast(dated.redated_count as bigint) as redated_count,

        -- booleans
        dated.is_promoted,
        dated.ticket_ref is not null as is_ticketed,
        dated.action_item_status in ('open', 'unknown')
        and coalesce(dated.due_on < cast({{ as_of() }} as date), false) as is_overdue,

        -- timestamps
        dated.due_on,
        postmortems.completed_at as decided_at,
        dated.done_at,
        case when dated.action_item_status in ('done', 'dropped') then dated.ended_at end
            as ended_at
    from dated
    inner join postmortems on dated.postmortem_id = postmortems.postmortem_id
)

select * from action_items
