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
        service_hash,
        ref_id as tracker_ref,

        -- strings
        tracker as tracker_instance,
        service as service_name,
        state as ledger_state,
        url as epic_url,

        -- numbers
        cycle as cycle_number,

        -- timestamps
        opened_at,
        closed_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
