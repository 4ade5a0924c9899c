{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ ranked_versions(
        source('prometheus', 'samples'),
        ['series_id', 'sampled_at'],
        'asked_at desc, value desc, _load_id desc, _line desc',
    ) }} as samples
),

renamed as (
    select
        -- ids
        series_id,

        -- numbers
        value as sample_value,

        -- timestamps
        sampled_at,
        asked_at,
        _loaded_at as loaded_at
    from source
    where version_rank = 1
)

select * from renamed
