{# From ten years before as_of to two years after it. #}
with days as (
    select cast({{ dbt.dateadd('day', '731 - numbers.n', as_of()) }} as date) as date_day
    from {{ numbers(4385) }} as numbers
)

select * from days
