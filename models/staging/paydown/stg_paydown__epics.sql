{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('paydown', 'epics')) }} as documents
),

renamed as (
    select
        -- ids
        key as epic_key,
        previous_key as previous_epic_key,
        shared_key as shared_epic_key,
        service_hash,
        ref_id as tracker_ref,
        pending_change_id,

        -- strings
        tracker as tracker_instance,
        service as service_name,
        state as ledger_state,
        url as epic_url,
        team as team_name,
        said_incident_ids,
        said_band,
        state_problem,
        tracker_problem,

        -- numbers
        cycle as cycle_number,
        update_count,
        said_score,
        said_slo_burn,

        -- booleans
        is_attempted,
        is_untouched,
        is_closed_as_hygiene,
        is_current_tracker,

        -- timestamps
        opened_at,
        closed_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
