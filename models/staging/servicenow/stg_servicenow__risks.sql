{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{
        newest_version(
            current_rows(source('servicenow', 'risks')), ['sys_id'], ['updated_at']
        )
    }} as newest
),

renamed as (
    select
        -- ids
        sys_id as source_risk_id,
        number as risk_id,
        service_id as source_service_id,

        -- strings
        name as risk_title,
        state as risk_state,
        service_name as source_service_name,

        -- booleans
        coalesce(is_active, true) as is_active,

        -- timestamps
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
