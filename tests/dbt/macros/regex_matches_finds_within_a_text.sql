with cases as (
    {%- for text, expected in [
        ('p99 of checkout', true), ('stop99', false), ('an error', true), ('terrors', false),
        ('response time', true), ('responsetime', true), ('Fast', false),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ text }}' as words,
            {{ expected }} as expected
    {%- endfor %}
)

select *
from cases
where
    {{ regex_matches(
        'cases.words',
        '(response.?time|fast|(^|[^a-z0-9_])p[0-9][0-9]|(^|[^a-z0-9_])errors?($|[^a-z0-9_]))'
    ) }}
    != cases.expected
