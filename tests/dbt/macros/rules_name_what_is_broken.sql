-- Each kind of rule, broken by rows that break nothing else, next to the same table without them.
{% set text = dbt.type_string() -%}
{%- set whole = [
    ('1', 'a', 'x', 'open', 'team-a', 3, 3),
    ('2', none, 'x', none, none, 0, 0),
    ('3', none, 'x', 'done', 'team-b', 2, 2),
] -%}
{%- set broken = [
    ('3', 'b', 'x', 'open', 'team-a', 1, 1),
    ('4', 'a', 'x', 'open', 'team-a', 1, 1),
    ('5', 'c', none, 'open', 'team-a', 1, 1),
    ('6', 'd', 'x', 'closed', 'team-a', 1, 1),
    ('7', 'e', 'x', 'open', 'team-c', 1, 1),
    ('8', 'f', 'x', 'open', 'team-a', 2, 1),
    (none, 'g', 'x', 'open', 'team-a', 1, 1),
    ('90', 'h', 'x', 'open', 'team-a', 4, 4),
    ('91', 'i', 'x', 'open', 'team-a', -1, -1),
] %}

with
{% for table, rows in [('items', whole), ('broken_items', whole + broken)] -%}
    {{ table }} as (
        {%- for item_id, code, title, status, owner, total, part in rows %}
            {%- if not loop.first %}
                union all
            {%- endif %}
            select
                cast({{ "'" ~ item_id ~ "'" if item_id else 'null' }} as {{ text }}) as item_id,
                cast({{ "'" ~ code ~ "'" if code else 'null' }} as {{ text }}) as code,
                cast({{ "'" ~ title ~ "'" if title else 'null' }} as {{ text }}) as title,
                cast({{ "'" ~ status ~ "'" if status else 'null' }} as {{ text }}) as status,
                cast({{ "'" ~ owner ~ "'" if owner else 'null' }} as {{ text }}) as owner,
                {{ total }} as total,
                {{ part }} as part
        {%- endfor %}
    ),

{% endfor -%}

teams as (
    select 'team-a' as team_id
    union all
    select 'team-b' as team_id
),

{% for table in ['items', 'broken_items'] -%}
    found_in_{{ table }} as (
        {{ broken_rules(
            table,
            key='item_id',
            unique=['code', ['item_id', 'code']],
            not_null=['title'],
            accepted={'status': ['open', 'done']},
            relationships={'owner': {'to': 'teams', 'field': 'team_id'}},
            sums=[{'total': 'total', 'parts': ['part']}],
            bounds={'total': [none, 3], 'part': [0, none]},
        ) }}
    ),

{% endfor -%}
expected as (
    {%- for rule_name, column_name, sample_key in [
        ('not_null', 'item_id', '(null)'),
        ('not_null', 'title', '5'),
        ('accepted', 'status', '6'),
        ('sums', 'total', '8'),
        ('bounds', 'total', '90'),
        ('bounds', 'part', '91'),
        ('unique', 'item_id', '3'),
        ('unique', 'code', 'a'),
        ('relationships', 'owner', '7'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ rule_name }}' as rule_name,
            '{{ column_name }}' as column_name,
            '{{ sample_key }}' as sample_key
    {%- endfor %}
),

found as (
    select
        rule_name,
        column_name,
        failures,
        sample_key
    from found_in_broken_items
    union all
    select
        'no rule is broken' as rule_name,
        column_name,
        failures,
        sample_key
    from found_in_items
)

select
    expected.rule_name as expected_rule,
    expected.column_name as expected_column,
    found.rule_name as found_rule,
    found.column_name as found_column,
    found.failures,
    found.sample_key
from expected
full outer join found
    on
        expected.rule_name = found.rule_name
        and expected.column_name = found.column_name
        and expected.sample_key = found.sample_key
        and found.failures = 1
where
    expected.rule_name is null
    or found.rule_name is null
