with cases as (
    {%- for number, one_decimal, no_decimals in [
        ('14.4', '14.4', '14'), ('14.46', '14.5', '14'), ('140', '140.0', '140'),
        ('0', '0.0', '0'), ('0.04', '0.0', '0'), ('-1.8', '-1.8', '-2'),
        ('1234567.89', '1234567.9', '1234568'), ('1000000000000000', '1000000000000000.0',
        '1000000000000000'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            cast({{ number }} as double precision) as number,
            '{{ one_decimal }}' as one_decimal,
            '{{ no_decimals }}' as no_decimals
    {%- endfor %}
    union all
    select
        cast(null as double precision) as number,
        cast(null as varchar) as one_decimal,
        cast(null as varchar) as no_decimals
),

computed as (
    select
        cases.number,
        cases.one_decimal as expected,
        {{ number_text('cases.number') }} as actual
    from cases
    union all
    select
        cases.number,
        cases.no_decimals as expected,
        {{ number_text('cases.number', 0) }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
