{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{
        newest_version(
            current_rows(source('servicenow', 'dependencies')), ['sys_id'], ['updated_at']
        )
    }} as newest
),

renamed as (
    select
        -- ids
        sys_id as source_relation_id,
        parent_id as dependent_id,
        child_id as dependency_id,

        -- strings
        relation_type,

        -- timestamps
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
