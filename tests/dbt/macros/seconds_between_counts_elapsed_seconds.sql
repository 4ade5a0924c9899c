with cases as (
    {%- for name, start_at, end_at, expected in [
        ('none', "'2026-05-01 10:00:00'", "'2026-05-01 10:00:00'", 0),
        ('one second over a minute', "'2026-05-01 10:00:59'", "'2026-05-01 10:01:00'", 1),
        ('one second over a year', "'2026-12-31 23:59:59'", "'2027-01-01 00:00:00'", 1),
        ('a leap day', "'2028-02-28 00:00:00'", "'2028-03-01 00:00:00'", 172800),
        ('backwards', "'2026-05-01 10:00:01'", "'2026-05-01 10:00:00'", -1),
        ('no start', 'null', "'2026-05-01 10:00:00'", 'null'),
        ('no end', "'2026-05-01 10:00:00'", 'null', 'null'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ name }}' as case_name,
            cast({{ start_at }} as timestamp) as start_at,
            cast({{ end_at }} as timestamp) as end_at,
            cast({{ expected }} as bigint) as expected
    {%- endfor %}
),

computed as (
    select
        cases.case_name,
        cases.expected,
        {{ seconds_between('cases.start_at', 'cases.end_at') }}
            as actual
    from cases
)

select * from computed
where actual is distinct from expected
