with texts as (
    {%- for group_name, position, word in [
        ('several', 3, "'c'"),
        ('several', 1, "'b'"),
        ('several', 2, "'a'"),
        ('with a null', 2, "'z'"),
        ('with a null', 1, 'null'),
        ('with a null', 3, "'y'"),
        ('one', 1, "'x'"),
        ('nothing', 1, 'null'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ group_name }}' as group_name,
            {{ position }} as place,
            cast({{ word }} as varchar) as word
    {%- endfor %}
),

listed as (
    select
        texts.group_name,
        {{ text_list('texts.word', "', '", 'order by texts.place') }} as upwards,
        {{ text_list('texts.word', "' and '", 'order by texts.place desc') }} as downwards
    from texts
    group by texts.group_name
),

wanted as (
    select
        'several' as group_name,
        'b, a, c' as upwards,
        'c and a and b' as downwards
    union all
    select
        'with a null' as group_name,
        'z, y' as upwards,
        'y and z' as downwards
    union all
    select
        'one' as group_name,
        'x' as upwards,
        'x' as downwards
)

select
    listed.group_name,
    listed.upwards,
    listed.downwards
from listed
left join wanted on listed.group_name = wanted.group_name
where
    coalesce(listed.upwards, '(null)') != coalesce(wanted.upwards, '(null)')
    or coalesce(listed.downwards, '(null)') != coalesce(wanted.downwards, '(null)')
