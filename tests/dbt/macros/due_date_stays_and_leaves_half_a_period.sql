-- 45 days from June 1st, also 22 days later; from the 23rd day on another 45, and so on. Where the
-- entry is longer ago than is known, the quarter of the day decides.
with cases as (
    {%- for entered_on, today, days, expected in [
        ("'2026-06-01'", '2026-06-01', 45, '2026-07-16'),
        ("'2026-06-01'", '2026-06-23', 45, '2026-07-16'),
        ("'2026-06-01'", '2026-06-24', 45, '2026-08-30'),
        ("'2026-06-01'", '2026-08-07', 45, '2026-08-30'),
        ("'2026-06-01'", '2026-08-08', 45, '2026-10-14'),
        ("'2026-06-01'", '2026-07-16', 90, '2026-08-30'),
        ("'2026-06-01'", '2026-07-17', 90, '2026-11-28'),
        ("'2026-06-30'", '2026-06-30', 1, '2026-07-01'),
        ('null', '2026-06-01', 45, '2026-06-30'),
        ('null', '2026-06-08', 45, '2026-08-14'),
        ('null', '2026-07-01', 45, '2026-08-15'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            cast({{ entered_on }} as date) as entered_on,
            cast('{{ today }}' as date) as today,
            {{ days }} as due_in_days,
            cast('{{ expected }}' as date) as expected
    {%- endfor %}
),

computed as (
    select
        cases.*,
        {{ due_date('cases.entered_on', 'cases.today', 'cases.due_in_days') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
