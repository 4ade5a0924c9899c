{#
    All rules of one table, checked by one query. It returns one row per broken rule, with the
    number of rows that break it and the key of one of them; `materialization test` prints these
    rows.

    key            the primary key, a column or a list: never null, never twice
    unique         further columns, or lists of columns, whose values occur once; nulls may repeat
    not_null       columns that are always filled
    accepted       {column: [values]}; null is accepted
    relationships  {column: {to: ref(...), field: ..., where: ...}}: values exist there; null is
    accepted
    sums           [{total: ..., parts: [...], where: ...}]: the parts make up the total
    bounds         {column: [lowest, highest]}: values lie between, both included; none for no bound
#}
{% test rules(
    model, key=none, unique=[], not_null=[], accepted={}, relationships={}, sums=[], bounds={}
) %}
{{ config(fail_calc='coalesce(sum(failures), 0)') }}
{{ broken_rules(model, key, unique, not_null, accepted, relationships, sums, bounds) }}
{% endtest %}

{% macro broken_rules(
    model, key=none, unique=[], not_null=[], accepted={}, relationships={}, sums=[], bounds={}
) %}
{%- set key_columns = [] if key is none else [key] if key is string else key %}
{%- set sample_key = sample_key_text(key_columns) %}
{%- set row_rules = [] %}
{%- for column in key_columns + not_null %}
    {%- do row_rules.append(('not_null', column, column ~ ' is null')) %}
{%- endfor %}
{%- for column, values in accepted.items() %}
    {%- set accepted_values %}
        {%- for value in values -%}
            {{ value if value is number else dbt.string_literal(value) }}
            {{- ', ' if not loop.last }}
        {%- endfor %}
    {%- endset %}
    {%- do row_rules.append(
        ('accepted', column, column ~ ' not in (' ~ accepted_values ~ ')')
    ) %}
{%- endfor %}
{%- for column, limits in bounds.items() %}
    {%- set broken = [] %}
    {%- do broken.append(column ~ ' < ' ~ limits[0]) if limits[0] is not none %}
    {%- do broken.append(column ~ ' > ' ~ limits[1]) if limits[1] is not none %}
    {%- do row_rules.append(('bounds', column, broken | join(' or '))) %}
{%- endfor %}
{%- for sum in sums %}
    {%- do row_rules.append(
        ('sums', sum.total, is_not_accounted_for(sum.total, sum.parts, sum.where))
    ) %}
{%- endfor -%}

with findings as (
    {%- if row_rules %}
    select
        rules.rule_name,
        rules.column_name,
        case rules.rule_number
            {%- for _ in row_rules %}
            when {{ loop.index }} then counted.failures_{{ loop.index }}
            {%- endfor %}
        end as failures,
        case rules.rule_number
            {%- for _ in row_rules %}
            when {{ loop.index }} then counted.sample_key_{{ loop.index }}
            {%- endfor %}
        end as sample_key
    from (
        select
            {%- for _, _, condition in row_rules %}
            sum(case when {{ condition }} then 1 else 0 end) as failures_{{ loop.index }},
            min(case when {{ condition }} then {{ sample_key }} end)
                as sample_key_{{ loop.index }}
                {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ model }}
    ) as counted
    cross join (
        {%- for name, column, _ in row_rules %}
        select
            {{ loop.index }} as rule_number,
            '{{ name }}' as rule_name,
            '{{ column }}' as column_name
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as rules
    {%- endif %}

    {%- for columns in ([key_columns] if key_columns else []) + unique %}
    {%- set columns = [columns] if columns is string else columns %}
    {{ 'union all' if row_rules or not loop.first }}
    select
        'unique' as rule_name,
        '{{ columns | join(", ") }}' as column_name,
        count(*) as failures,
        min(duplicates.sample_key) as sample_key
    from (
        select {{ sample_key_text(columns) }} as sample_key
        from {{ model }}
        {%- if columns | length == 1 %}
        where {{ columns[0] }} is not null
        {%- endif %}
        group by {{ columns | join(', ') }}
        having count(*) > 1
    ) as duplicates
    {%- endfor %}

    {%- for column, target in relationships.items() %}
    {{ 'union all' if row_rules or key_columns or unique or not loop.first }}
    select
        'relationships' as rule_name,
        '{{ column }}' as column_name,
        count(*) as failures,
        min(children.sample_key) as sample_key
    from (
        select
            {{ column }} as target_value,
            {{ sample_key }} as sample_key
        from {{ model }}
        where
            {{ column }} is not null
            {%- if target.where %}
            and ({{ target.where }})
            {%- endif %}
    ) as children
    left join (
        select distinct {{ target.field }} as target_value
        from {{ target.to }}
    ) as targets
        on children.target_value = targets.target_value
    where targets.target_value is null
    {%- endfor %}
)

select
    rule_name,
    column_name,
    failures,
    sample_key
from findings
where failures > 0

{% endmacro %}
