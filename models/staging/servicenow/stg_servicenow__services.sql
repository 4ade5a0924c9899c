{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{
        newest_version(
            current_rows(source('servicenow', 'services')), ['sys_id'], ['updated_at']
        )
    }} as newest
),

renamed as (
    select
        -- ids
        sys_id as source_service_id,

        -- strings
        name as service_name,
        aliases as service_aliases,
        class_name,
        support_group,
        assignment_group,
        managed_by_group,
        owned_by,
        operational_status,
        criticality,

        -- timestamps
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
