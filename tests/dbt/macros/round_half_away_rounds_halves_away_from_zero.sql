with cases as (
    {%- for number, expected in [
        ('0', 0), ('0.5', 1), ('-0.5', -1), ('1.5', 2), ('-1.5', -2), ('2.5', 3), ('-2.5', -3),
        ('1.49', 1), ('-1.49', -1), ('-1.8', -2), ('24.2', 24), ('null', 'null'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ number }}' as case_name,
            cast({{ number }} as double precision) as number,
            cast({{ expected }} as integer) as expected
    {%- endfor %}
    union all
    -- As a binary fraction it is 14.499999999999998.
    select
        'weight 25 at a share of 0.58' as case_name,
        cast(25 as double precision) * cast(0.58 as double precision) as number,
        15 as expected
),

computed as (
    select
        cases.case_name,
        cases.expected,
        {{ round_half_away('cases.number') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
