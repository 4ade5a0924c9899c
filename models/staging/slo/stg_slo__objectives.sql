{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('slo', 'objectives')) }} as documents
),

renamed as (
    select
        -- strings
        service as stated_service_name,
        slo as slo_name,
        title as slo_title,
        description as slo_description,
        indicator_kind,
        _source_file as file_name,

        -- numbers
        _line as line_number,
        objective,
        window_days,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
