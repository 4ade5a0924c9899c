with cases as (
    {%- for name, utc_at, zone, expected in [
        ('Paris, a second before it goes forward', '2026-03-29 00:59:59', 'Europe/Paris',
            '2026-03-29 01:59:59'),
        ('Paris, as it goes forward', '2026-03-29 01:00:00', 'Europe/Paris',
            '2026-03-29 03:00:00'),
        ('Paris, the first 02:30', '2026-10-25 00:30:00', 'Europe/Paris', '2026-10-25 02:30:00'),
        ('Paris, the second 02:30', '2026-10-25 01:30:00', 'Europe/Paris',
            '2026-10-25 02:30:00'),
        ('New York, before it goes forward', '2026-03-08 06:59:59', 'America/New_York',
            '2026-03-08 01:59:59'),
        ('New York, as it goes forward', '2026-03-08 07:00:00', 'America/New_York',
            '2026-03-08 03:00:00'),
        ('New York, the first 01:00', '2026-11-01 05:00:00', 'America/New_York',
            '2026-11-01 01:00:00'),
        ('New York, the second 01:00', '2026-11-01 06:00:00', 'America/New_York',
            '2026-11-01 01:00:00'),
        ('Kolkata, half an hour off', '2026-03-29 20:00:00', 'Asia/Kolkata',
            '2026-03-30 01:30:00'),
        ('Kathmandu, a quarter off', '2026-03-29 20:00:00', 'Asia/Kathmandu',
            '2026-03-30 01:45:00'),
        ('Lord Howe, by half an hour', '2026-04-04 15:00:00', 'Australia/Lord_Howe',
            '2026-04-05 01:30:00'),
        ('UTC', '2026-03-29 01:00:00', 'UTC', '2026-03-29 01:00:00'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ name }}' as case_name,
            cast('{{ utc_at }}' as timestamp) as utc_at,
            '{{ zone }}' as time_zone,
            cast('{{ expected }}' as timestamp) as expected
    {%- endfor %}
),

computed as (
    select
        cases.case_name,
        cases.expected,
        {{ local_time('cases.utc_at', 'cases.time_zone') }} as actual
    from cases
    union all
    select
        'no moment' as case_name,
        cast(null as timestamp) as expected,
        {{ local_time('cast(null as timestamp)', 'cases.time_zone') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
