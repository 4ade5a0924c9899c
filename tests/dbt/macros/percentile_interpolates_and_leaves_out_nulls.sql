with numbers as (
    select
        1 as n,
        cast(60 as bigint) as duration
    union all
    select
        2 as n,
        120 as duration
    union all
    select
        3 as n,
        181 as duration
    union all
    select
        4 as n,
        6000 as duration
    union all
    select
        5 as n,
        null as duration
),

computed as (
    select
        'median of an even count' as case_name,
        {{ percentile('numbers.duration', 0.5) }} as actual,
        cast(150.5 as double precision) as expected
    from numbers
    union all
    select
        'median of an odd count' as case_name,
        {{ percentile('numbers.duration', 0.5) }} as actual,
        cast(120 as double precision) as expected
    from numbers
    where numbers.n < 4
    union all
    select
        'quarter' as case_name,
        {{ percentile('numbers.duration', 0.25) }} as actual,
        cast(105 as double precision) as expected
    from numbers
    union all
    select
        'of one' as case_name,
        {{ percentile('numbers.duration', 0.9) }} as actual,
        cast(60 as double precision) as expected
    from numbers
    where numbers.n = 1
    union all
    select
        'of none known' as case_name,
        {{ percentile('numbers.duration', 0.5) }} as actual,
        cast(null as double precision) as expected
    from numbers
    where numbers.n = 5
)

select * from computed
where actual is distinct from expected
