with source as (
    select *
    from {{ current_rows(source('modernization', 'scoring')) }} as documents
),

renamed as (
    select
        -- ids
        rubric_hash,

        -- numbers
        window_days,
        repeat_window_days,
        leave_margin,
        hold_days,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
