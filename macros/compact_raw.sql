{#
    Delete from `raw` what no model reads any more and was loaded more than `days` days ago:
    superseded versions of a record, further copies of one version, and what files said before they
    changed. Of equal copies the first stays, which counts for its load, and the last, which staging
    reads. Quarantine and `raw.loads` stay; each load keeps the number of its rows that were
    deleted.

        dbt run-operation compact_raw --args '{days: 400}'

    Streams whose older versions models read too are left unchanged: they are in `kept_whole`.
#}
{% macro compact_raw(days, kept_whole=['backstage.entities', 'servicenow.incidents']) -%}
    {%- if days is not number or days < 0 -%}
        {{ exceptions.raise_compiler_error('compact_raw: days=' ~ days ~ ': say a number of days, such as 400') }}
    {%- endif -%}
    {%- set loads = source('paydown', 'loads') -%}
    {%- set found = namespace(rows=0) -%}
    {%- for stream in contract_streams() if stream.source ~ '.' ~ stream.stream not in kept_whole -%}
        {%- set table = source(stream.source, stream.stream) -%}
        {%- set names = ['_load_id', '_line'] + (stream.key if not stream.is_snapshot else []) -%}
        {%- do run_query('begin') -%}
        {%- do run_query(wait_for_loaders()) if wait_for_loaders() -%}
        {%- call statement('compacted', auto_begin=False) -%}
            create temporary table paydown_compacted as
            {%- if stream.is_snapshot %}
            select stored._load_id
            from {{ table }} as stored
            inner join {{ ref('stg_paydown__loads') }} as loads on stored._load_id = loads.load_id
            where not loads.is_current and stored._loaded_at < {{ _days_ago(days) }}
            {%- else %}
            select {{ names | join(', ') }}
            from (
                select
                    {{ names | join(', ') }},
                    _loaded_at,
                    {%- set of_one = (stream.key + stream.version) | unique | join(', ') %}
                    rank() over (
                        partition by {{ stream.key | join(', ') }}
                        order by {{ newest_first(stream.version) }}
                    ) as version_rank,
                    row_number() over (
                        partition by {{ of_one }}, _payload order by _loaded_at, _load_id, _line
                    ) as first_copy,
                    row_number() over (
                        partition by {{ of_one }}, _payload order by _load_id desc, _line desc
                    ) as last_copy
                from {{ table }}
            ) as copies
            where
                (version_rank > 1 or first_copy > 1 and last_copy > 1)
                and _loaded_at < {{ _days_ago(days) }}
            {%- endif -%}
        {%- endcall -%}
        {%- set count = run_query('select count(*) from paydown_compacted').columns[0].values()[0] -%}
        {%- if count -%}
            {%- set found.rows = found.rows + count -%}
            {%- do run_query(
                'delete from ' ~ table ~ ' where exists (select 1 from paydown_compacted as compacted where '
                ~ _same(table, ['_load_id'] if stream.is_snapshot else names) ~ ')'
            ) -%}
            {%- do run_query(
                'update ' ~ loads ~ ' set rows_compacted = coalesce(rows_compacted, 0) + '
                ~ '(select count(*) from paydown_compacted as compacted where '
                ~ _same(loads, ['_load_id']) ~ ') '
                ~ 'where _load_id in (select _load_id from paydown_compacted)'
            ) -%}
            {%- do print(stream.source ~ '.' ~ stream.stream ~ ': ' ~ count ~ ' rows deleted') -%}
        {%- endif -%}
        {%- do run_query('drop table paydown_compacted') -%}
        {%- do run_query('commit') -%}
    {%- endfor -%}
    {%- do print(found.rows ~ ' rows deleted from raw') -%}
{%- endmacro %}

{% macro _days_ago(days) -%}
    {{ time_after('cast(' ~ dbt.current_timestamp() ~ ' as timestamp)', '-' ~ days, 'day') }}
{%- endmacro %}

{% macro _same(table, columns) -%}
    {%- for column in columns -%}
        compacted.{{ column }} = {{ table }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Makes the transaction wait for a running loader, and loaders wait for its end. #}
{% macro wait_for_loaders() -%}
    {{ return(adapter.dispatch('wait_for_loaders', 'paydown')()) }}
{%- endmacro %}

{# DuckDB's file has one writer; on Snowflake no run may be in progress. #}
{% macro default__wait_for_loaders() -%}
    {{ return('') }}
{%- endmacro %}

{# The lock of orchestration/warehouse/postgres.py. #}
{% macro postgres__wait_for_loaders() -%}
    {{ return('select pg_advisory_xact_lock(1885436260)') }}
{%- endmacro %}

{# An order of versions; streams without one have only copies. #}
{% macro newest_first(version) -%}
    {%- for column in version %}
    case when {{ column }} is null then 1 else 0 end,
    {{ column }} desc{{ ',' if not loop.last }}
    {%- else %}
    1
    {%- endfor %}
{%- endmacro %}
