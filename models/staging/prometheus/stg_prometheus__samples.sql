{{ config(materialized=var('single_use')) }}

{#
    Points are many: the newest answer is found by columns of the point alone, without the record's
    text, which would be carried through the sort.
#}
with source as (
    select
        series_id,
        sampled_at,
        value,
        asked_at,
        _loaded_at,
        row_number() over (
            partition by series_id, sampled_at
            order by asked_at desc, value desc, _load_id desc, _line desc
        ) as version_rank
    from {{ source('prometheus', 'samples') }}
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
