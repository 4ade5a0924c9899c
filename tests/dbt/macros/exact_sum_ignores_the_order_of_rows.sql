-- As binary fractions these three add up to 0.6 or to 0.6000000000000001, by their order.
with cases as (
    select cast(0.1 as double precision) as number
    union all
    select cast(0.2 as double precision) as number
    union all
    select cast(0.3 as double precision) as number
),

summed as (
    select {{ exact_sum('cases.number') }} as actual
    from cases
)

select * from summed
where actual != cast(0.6 as double precision)
