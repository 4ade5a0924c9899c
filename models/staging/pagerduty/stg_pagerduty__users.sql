{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(current_rows(source('pagerduty', 'users')), ['id'], []) }} as newest
),

renamed as (
    select
        -- ids
        id as source_user_id,

        -- strings
        {{ person('name') }} as user_name,
        role as user_role,
        time_zone,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
