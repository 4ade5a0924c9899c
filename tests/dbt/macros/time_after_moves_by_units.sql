with cases as (
    select
        cast('2026-06-26 16:00:00' as timestamp) as start_at,
        -90 as days_back
),

computed as (
    select
        'seconds over midnight' as case_name,
        {{ time_after("cast('2026-05-01 23:59:00' as timestamp)", 90, 'second') }} as actual,
        cast('2026-05-02 00:00:30' as timestamp) as expected
    from cases
    union all
    select
        'minutes' as case_name,
        {{ time_after('cases.start_at', 30, 'minute') }} as actual,
        cast('2026-06-26 16:30:00' as timestamp) as expected
    from cases
    union all
    select
        'hours' as case_name,
        {{ time_after('cases.start_at', 8, 'hour') }} as actual,
        cast('2026-06-27 00:00:00' as timestamp) as expected
    from cases
    union all
    select
        'days back, from a column' as case_name,
        {{ time_after('cases.start_at', 'cases.days_back', 'day') }} as actual,
        cast('2026-03-28 16:00:00' as timestamp) as expected
    from cases
    union all
    select
        'days back, negated' as case_name,
        {{ time_after('cases.start_at', '-(-cases.days_back)', 'day') }} as actual,
        cast('2026-03-28 16:00:00' as timestamp) as expected
    from cases
    union all
    select
        'no start' as case_name,
        {{ time_after('cast(null as timestamp)', 1, 'day') }} as actual,
        cast(null as timestamp) as expected
    from cases
    union all
    select
        'no count' as case_name,
        {{ time_after('cases.start_at', 'cast(null as integer)', 'day') }} as actual,
        cast(null as timestamp) as expected
    from cases
)

select * from computed
where actual is distinct from expected
