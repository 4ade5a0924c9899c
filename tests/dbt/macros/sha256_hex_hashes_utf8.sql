{# Expected values are those of sha256sum. #}
with cases as (
    {%- for text, expected in [
        ('component:default/api-gateway', 'cb772449f73ee63169724b3cdb282217e968e231d6be7bc371ec03b597178305'),
        ('Zahlungen ü', '49a8ef01cbfeedb36dbd72b99941da949888641c4137ef586a95618d8ab511cd'),
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
        {{ sha256_hex('cases.hashed_text') }} as actual
    from cases
)

select * from computed
where actual is distinct from expected
