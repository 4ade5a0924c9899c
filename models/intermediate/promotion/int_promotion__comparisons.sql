{{ config(materialized=var('single_use')) }}

{#
    What a candidate's epic says, compared with the present: today's candidates and the ledger's
    records for the tracker in which epics are opened.
#}
with candidates as (
    select * from {{ ref('rpt_promotion_candidates') }}
),

ledger as (
    select *
    from {{ ref('stg_paydown__epics') }}
    where is_current_tracker
),

shrunk_inputs as (
    select * from {{ ref('int_promotion__shrunk_inputs') }}
),

-- Of a service's epics the open or begun one counts, else the newest.
epics as (
    select *
    from (
        select
            ledger.*,
            max(ledger.cycle_number) over (partition by ledger.service_hash) as last_cycle,
            row_number() over (
                partition by ledger.service_hash
                order by
                    case when ledger.ledger_state = 'closed' then 1 else 0 end,
                    ledger.cycle_number desc
            ) as choice
        from ledger
    ) as ranked
    where choice = 1
),

-- The ids by which the ledger may know a candidate: its own, and those from before a rename.
known_ids as (
    select
        candidates.service_id,
        candidates.service_id as known_id,
        {{ sha256_hex('candidates.service_id') }} as known_hash
    from candidates
    union distinct
    select
        former_ids.service_id,
        former_ids.former_id as known_id,
        {{ sha256_hex('former_ids.former_id') }} as known_hash
    from {{ ref('int_services__former_ids') }} as former_ids
),

-- Of several ids the one with an open epic, else the one with the newest.
renamed as (
    select *
    from (
        select
            known_ids.*,
            row_number() over (
                partition by known_ids.service_id
                order by
                    case when epics.ledger_state = 'closed' then 1 else 0 end,
                    epics.opened_at desc,
                    case when known_ids.known_id = known_ids.service_id then 0 else 1 end,
                    epics.epic_key
            ) as choice
        from known_ids
        inner join epics on known_ids.known_hash = epics.service_hash
    ) as ranked
    where choice = 1
),

services as (
    select
        candidates.*,
        coalesce(renamed.known_id, candidates.service_id) as ledger_service_id,
        coalesce(nullif(candidates.team_id, ''), nullif(candidates.owner, '')) as team,
        coalesce(nullif(candidates.owner, ''), 'the service''s owner') as who,
        coalesce(candidates.members, '') != '' as is_shared_fix,
        coalesce(renamed.known_hash, {{ sha256_hex('candidates.service_id') }})
            as service_hash
    from candidates
    left join renamed on candidates.service_id = renamed.service_id
),

shrunk as (
    select
        {{ text_list(
            "shrunk_inputs.stream_id || ' has ' || cast(shrunk_inputs.records_now as varchar) || ' of '"
            ~ " || cast(shrunk_inputs.most_records as varchar) || ' records in '"
            ~ " || cast(shrunk_inputs.files_now as varchar) || ' of '"
            ~ " || cast(shrunk_inputs.most_files as varchar) || ' files'",
            "', '",
            'order by shrunk_inputs.stream_id'
        ) }} as shrunk_streams
    from shrunk_inputs
),

joined as (
    select
        services.*,
        epics.epic_key,
        epics.ledger_state,
        epics.cycle_number,
        epics.last_cycle,
        epics.previous_epic_key,
        epics.shared_epic_key as pointed_key,
        epics.pending_change_id,
        epics.update_count,
        epics.said_score,
        epics.said_band,
        epics.said_slo_burn,
        epics.state_problem,
        epics.tracker_problem,
        epics.closed_at,
        coalesce(epics.is_untouched, false) as is_untouched,
        coalesce(epics.is_closed_as_hygiene, false) as is_closed_as_hygiene,
        coalesce(epics.is_attempted, false) as is_attempted,
        coalesce(epics.ledger_state = 'opened', false) as is_open,
        coalesce(epics.ledger_state in ('intended', 'failed'), false) as is_unfinished,
        fix_epics.epic_key as fix_epic_key,
        shrunk.shrunk_streams,
        {{ items_missing('services.incident_ids', 'epics.said_incident_ids') }} as new_incidents,
        {{ items_missing('epics.said_incident_ids', 'services.incident_ids') }} as gone_incidents
    from services
    cross join shrunk
    left join epics on services.service_hash = epics.service_hash
    left join services as fixes
        on
            services.decision = 'shared'
            and fixes.is_shared_fix
            and services.shared_fix_id = fixes.shared_fix_id
    left join epics as fix_epics
        on fixes.service_hash = fix_epics.service_hash and fix_epics.ledger_state = 'opened'
),

compared as (
    select
        joined.*,
        joined.is_open and joined.said_score is null as is_said_unknown,
        joined.fix_epic_key is not null
        and joined.fix_epic_key != coalesce(joined.pointed_key, '') as is_fix_unsaid,
        case
            when joined.said_score != joined.score
                then
                    ', score ' || cast(joined.said_score as varchar) || ' -> '
                    || cast(joined.score as varchar)
            else ''
        end
        || case
            when joined.said_band != joined.band
                then ', band ' || joined.said_band || ' -> ' || joined.band
            else ''
        end
        || case
            when joined.new_incidents > 0
                then
                    ', ' || cast(joined.new_incidents as varchar) || ' more incident'
                    || case when joined.new_incidents > 1 then 's' else '' end
            else ''
        end
        || case
            when joined.gone_incidents > 0
                then
                    ', ' || cast(joined.gone_incidents as varchar) || ' incident'
                    || case when joined.gone_incidents > 1 then 's' else '' end
                    || ' left the window'
            else ''
        end
        || case
            when
                coalesce(abs(joined.said_slo_burn - joined.slo_burn) > 0.000001, false)
                or (joined.said_slo_burn is null) != (joined.slo_burn is null)
                then
                    ', error budgets spent '
                    || coalesce({{ number_text('joined.said_slo_burn', 2) }}, 'none') || ' -> '
                    || coalesce({{ number_text('joined.slo_burn', 2) }}, 'none')
            else ''
        end as changes,
        case
            when joined.promoted_at is not null
                then {{ time_after(
                    'cast(joined.promoted_at as timestamp)', var('close_after_days'), 'day'
                ) }}
        end as closable_at
    from joined
)

select * from compared
