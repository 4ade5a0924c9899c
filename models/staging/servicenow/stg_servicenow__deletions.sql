{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from
        {{ newest_version(source('servicenow', 'deletions'), ['sys_id'], ['deleted_at']) }}
            as newest
),

renamed as (
    select
        -- ids
        sys_id as source_deletion_id,
        deleted_sys_id,

        -- strings
        table_name,
        deleted_name,

        -- timestamps
        deleted_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
