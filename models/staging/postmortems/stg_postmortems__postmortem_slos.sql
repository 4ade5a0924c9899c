{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('postmortems', 'postmortem_slos')) }} as documents
),

renamed as (
    select
        -- ids
        postmortem_id,

        -- strings
        slo_name,
        slo_type,
        chart_url,

        -- numbers
        slo_target,
        burn_rate,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
