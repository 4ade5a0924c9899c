{#
    Spark's planner copies a CTE to every place that names it: seven steps that each name the
    previous one three times are planned 3^7 times. A CTE that would be copied often is stored
    first, in a table of its own. Returns the SQL in which the CTE reads that table.
#}
{% macro spark_steps(relation, sql) -%}
    {%- set at = namespace(depth=0, name=none, start=0, rest=0) -%}
    {%- set ctes, sizes = [], {} -%}
    {%- set tokens = "--.*|'(?:[^'\\\\]|\\\\.)*'|(\\w+) as \\(|[()]" -%}
    {%- for token in modules.re.finditer(tokens, sql) -%}
        {%- if token.group().endswith('(') -%}
            {%- if at.depth == 0 -%}
                {%- set at.name, at.start = token.group(1), token.end() -%}
            {%- endif -%}
            {%- set at.depth = at.depth + 1 -%}
        {%- elif token.group() == ')' -%}
            {%- set at.depth = at.depth - 1 -%}
            {%- if at.depth == 0 and at.name -%}
                {%- set body, at.rest = sql[at.start:token.start()], token.end() -%}
                {%- set size = namespace(tables=1) -%}
                {%- for name in sizes -%}
                    {%- set size.tables = size.tables + sizes[name] * _times_read(name, body) -%}
                {%- endfor -%}
                {%- if (_times_read(at.name, sql[at.rest:]) - 1) * size.tables > 12 -%}
                    {%- set body = 'select * from ' ~ _stored_step(
                        relation.identifier ~ '__' ~ at.name, _after(ctes, body)
                    ) -%}
                    {%- set size.tables = 1 -%}
                {%- endif -%}
                {%- do sizes.update({at.name: size.tables}) -%}
                {%- do ctes.append(at.name ~ ' as (' ~ body ~ ')') -%}
                {%- set at.name = none -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(_after(ctes, sql[at.rest:])) }}
{%- endmacro %}

{% macro _after(ctes, sql) -%}
    {{ return(('with ' if ctes) ~ ctes | join(', ') ~ sql) }}
{%- endmacro %}

{% macro _times_read(name, sql) -%}
    {{ return(modules.re.findall('\\b(?:from|join)\\s+' ~ name ~ '\\b', sql) | length) }}
{%- endmacro %}

{% macro _stored_step(name, sql) -%}
    {%- set schema = target.schema ~ '_steps' -%}
    {%- set table = schema ~ '.' ~ name -%}
    {%- for statement in [
        'create schema if not exists ' ~ schema,
        'drop table if exists ' ~ table,
        'create table ' ~ table ~ ' as ' ~ sql,
    ] -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
    {{ return(table) }}
{%- endmacro %}
