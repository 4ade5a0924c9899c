with cases as (
    {%- for place, expected in [(1, 'one'), (2, ''), (3, "it's three"), (4, '')] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            'one,,it''s three' as parts,
            {{ place }} as place,
            '{{ expected | replace("'", "''") }}' as expected
    {%- endfor %}
    union all
    select
        cast(null as varchar) as parts,
        1 as place,
        cast(null as varchar) as expected
),

computed as (
    select
        cases.parts,
        cases.expected,
        {{ text_part('cases.parts', "','", 'cases.place') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
