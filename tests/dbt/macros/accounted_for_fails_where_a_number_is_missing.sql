with cases as (
    {%- for name, total, first_part, second_part in [
        ('all there', 3, 1, 2),
        ('nothing there', 0, 0, 0),
        ('one lost', 4, 1, 2),
        ('one doubled', 2, 1, 2),
        ('no total', none, 1, 2),
        ('no part', 3, 3, none),
        ('no number at all', none, none, none),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ name }}' as case_name,
            cast({{ 'null' if total is none else total }} as bigint) as total,
            cast({{ 'null' if first_part is none else first_part }} as bigint) as first_part,
            cast({{ 'null' if second_part is none else second_part }} as bigint) as second_part
    {%- endfor %}
),

failed as (
    select *
    from cases
    where {{ is_not_accounted_for('total', ['first_part', 'second_part']) }}
)

select
    cases.case_name,
    failed.case_name is not null as has_failed
from cases
left join failed on cases.case_name = failed.case_name
where (failed.case_name is null) != (cases.case_name in ('all there', 'nothing there'))
