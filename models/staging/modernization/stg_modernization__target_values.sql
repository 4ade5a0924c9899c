{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'target_values')) }} as documents
),

renamed as (
    select
        -- numbers
        days as target_days,
        within_business_days,
        postmortems_complete_share,
        action_items_promoted_share,
        median_days_to_epic,
        repeat_rate_change,
        mttr_change,
        slo_burn_change,
        pages_outside_business_hours_change,
        infrastructure_cost_change,
        toil_hours_change,
        services_to_silver,
        least_capacity_share,
        most_capacity_share,

        -- timestamps
        starts_on,
        _loaded_at as loaded_at
    from source
)

select * from renamed
