{{ config(materialized=var('single_use')) }}

{# Every exported version of a ticket: which state was seen when. #}
with source as (
    select * from {{ source('servicenow', 'incidents') }}
),

renamed as (
    select distinct
        -- ids
        number as source_incident_id,

        -- strings
        state_value as source_status_value,
        state as source_status,

        -- numbers
        sys_mod_count as version_number,

        -- booleans
        is_active,

        -- timestamps
        resolved_at,
        closed_at,
        updated_at
    from source
    where updated_at is not null
)

select * from renamed
