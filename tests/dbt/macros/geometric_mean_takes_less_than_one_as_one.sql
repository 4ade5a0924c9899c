with cases as (
    {%- for name, values in [
        ('three', [10, 100, 1000]), ('with a zero', [0, 10000]), ('one', [7]),
        ('with an unknown', [4, 'null', 9]), ('nothing known', ['null']),
    ] %}
        {%- set outer_first = loop.first %}
        {%- for value in values %}
            {%- if not (outer_first and loop.first) %}
                union all
            {%- endif %}
            select
                '{{ name }}' as case_name,
                cast({{ value }} as bigint) as seconds
        {%- endfor %}
    {%- endfor %}
),

expected as (
    {%- for name, value in [
        ('three', 100), ('with a zero', 100), ('one', 7), ('with an unknown', 6),
        ('nothing known', 'null'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ name }}' as case_name,
            cast({{ value }} as double precision) as geometric_mean
    {%- endfor %}
),

computed as (
    select
        cases.case_name,
        {{ geometric_mean('cases.seconds') }} as actual
    from cases
    group by cases.case_name
)

select
    expected.case_name,
    expected.geometric_mean,
    computed.actual
from expected
left join computed on expected.case_name = computed.case_name
where
    round(cast(computed.actual as numeric(18, 6)), 3)
    is distinct from round(cast(expected.geometric_mean as numeric(18, 6)), 3)
