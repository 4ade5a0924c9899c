with cases as (
    {%- for date, expected in [
        ('2026-06-22', 1), ('2026-06-26', 5), ('2026-06-27', 6), ('2026-06-28', 7),
        ('1970-01-01', 4),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            cast('{{ date }}' as date) as weekday_of,
            {{ expected }} as expected
    {%- endfor %}
),

computed as (
    select
        cases.weekday_of,
        cases.expected,
        {{ iso_weekday('cases.weekday_of') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
