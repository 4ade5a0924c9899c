{#
    What the ledger opened and what the trackers show, one row per epic. By the tracker's id the
    ledger knows an epic whose label somebody removed; by its label an epic is found that the ledger
    has lost. A clone has the label too: the epic that the ledger opened is ours, else the oldest.
#}
with items as (
    select * from {{ ref('int_epics__items') }}
),

recorded as (
    select
        ledger.*,
        {{ dbt.split_part('ledger.tracker_instance', "':'", 1) }} as tracker_name
    from {{ ref('stg_paydown__epics') }} as ledger
    where ledger.ledger_state in ('opened', 'closed')
),

-- Two successive instances of one kind of tracker may hold the same key.
ledger as (
    select *
    from (
        select
            recorded.*,
            row_number() over (
                partition by recorded.tracker_name, recorded.epic_key
                order by recorded.opened_at desc, recorded.tracker_instance
            ) as instance_rank
        from recorded
    ) as ranked
    where instance_rank = 1
),

by_ref as (
    select
        items.item_id,
        min(ledger.epic_key) as epic_key
    from items
    inner join ledger
        on
            items.tracker_name = ledger.tracker_name
            and (items.source_item_id = ledger.tracker_ref or items.item_ref = ledger.tracker_ref)
    group by items.item_id
),

named as (
    select
        items.item_id,
        items.tracker_name,
        coalesce(by_ref.epic_key, items.epic_key) as epic_key,
        row_number() over (
            partition by items.tracker_name, coalesce(by_ref.epic_key, items.epic_key)
            order by
                case when by_ref.epic_key is null then 1 else 0 end,
                case when items.is_deleted then 1 else 0 end,
                items.opened_at,
                items.item_id
        ) as claim_rank
    from items
    left join by_ref on items.item_id = by_ref.item_id
    where coalesce(by_ref.epic_key, items.epic_key) is not null
),

ours as (
    select *
    from named
    where claim_rank = 1
),

known as (
    select
        ours.tracker_name,
        ours.epic_key
    from ours
    union distinct
    select
        ledger.tracker_name,
        ledger.epic_key
    from ledger
),

epics as (
    select
        -- ids
        known.tracker_name || ':' || known.epic_key as epic_id,
        known.epic_key,
        ledger.previous_epic_key,
        ledger.service_hash,
        items.item_id,
        coalesce(items.source_item_id, ledger.tracker_ref) as source_item_id,
        items.item_ref,

        -- strings
        known.tracker_name,
        items.item_title as epic_title,
        coalesce(ledger.service_name, items.service_name) as service_name,
        {{ dbt.split_part('known.epic_key', "'-'", -2) }} as service_short_hash,
        coalesce(items.item_url, ledger.epic_url) as epic_url,
        coalesce(items.status_name, ledger.ledger_state) as status_name,
        items.assignee_name,
        items.owner_name,

        -- numbers
        cast(replace({{ dbt.split_part('known.epic_key', "'-'", -1) }}, 'c', '') as integer)
            as cycle_number,
        items.slo_burn,
        items.score,
        items.story_points,
        items.estimate_days,
        items.budget_usd,
        items.logged_days,

        -- booleans
        coalesce(items.is_open, ledger.ledger_state = 'opened') as is_open,
        coalesce(items.is_deleted, false) as is_deleted,
        coalesce(items.is_hidden, false) as is_hidden,
        items.item_id is not null as is_read_back,

        -- timestamps
        items.due_date,
        coalesce(items.opened_at, ledger.opened_at) as opened_at,
        case
            when items.item_id is null then ledger.closed_at
            else items.closed_at
        end as closed_at,
        items.deleted_at,
        items.updated_at
    from known
    left join ours
        on known.tracker_name = ours.tracker_name and known.epic_key = ours.epic_key
    left join items on ours.item_id = items.item_id
    left join ledger
        on known.tracker_name = ledger.tracker_name and known.epic_key = ledger.epic_key
)

select * from epics
