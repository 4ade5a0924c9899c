{# Expected values are those of md5sum. #}
with cases as (
    {%- for text, expected in [
        ('component:default/api-gateway', '8292c2ddb75d42fe484cc42780d33684'),
        ('Zahlungen ü', 'b2cb07443b5523ce77dfa0f243e7c605'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ text }}' as hashed_text,
            '{{ expected }}' as expected
    {%- endfor %}
),

computed as (
    select
        cases.hashed_text,
        cases.expected,
        {{ md5_hex('cases.hashed_text') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
