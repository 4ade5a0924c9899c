{#
    Action items of postmortems, and what became of them. Only a ticket that was read tells whether
    one is done: of a ticket that no tracker shows, it is unknown.
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

-- Two items of one postmortem with the same title are told apart by their number.
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

-- However people write it: MOD-123, AB#4711, #4711, our key or the address.
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
            when tickets.item_id is null and keyed.ticket_ref is not null then 'unknown'
            when tickets.is_deleted then 'dropped'
            when tickets.is_open or tickets.item_id is null then 'open'
            else 'done'
        end as action_item_status,
        case
            when not tickets.is_open and not tickets.is_deleted then tickets.closed_at
        end as done_at
    from keyed
    left join tickets on keyed.action_item_id = tickets.action_item_id
),

dated as (
    select
        judged.*,
        case
            when judged.due_on is null then null
            when judged.action_item_status in ('open', 'unknown')
                then cast({{ as_of() }} as date)
            when judged.action_item_status = 'done' then cast(judged.done_at as date)
        end as counted_on
    from judged
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

        -- booleans
        dated.ticket_ref is not null as is_ticketed,
        dated.action_item_status in ('open', 'unknown')
        and coalesce(dated.due_on < cast({{ as_of() }} as date), false) as is_overdue,

        -- timestamps
        dated.due_on,
        postmortems.completed_at as decided_at,
        dated.done_at
    from dated
    inner join postmortems on dated.postmortem_id = postmortems.postmortem_id
)

select * from action_items
