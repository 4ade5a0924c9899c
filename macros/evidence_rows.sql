{#
    The rows of rpt_epic_evidence of one kind, from the CTE <kind>_rows, which has the candidate,
    the ordinal and the columns in `filled`; the others are null.
#}
{% macro evidence_rows(kind, filled) -%}
{%- set columns = {
    'source_id': 'varchar', 'postmortem_id': 'varchar', 'evidence_title': 'varchar',
    'detail': 'varchar', 'assignee': 'varchar', 'status': 'varchar', 'url': 'varchar',
    'severity_level': 'integer', 'mention_count': 'bigint', 'duration_seconds': 'bigint',
    'estimate_days': 'double precision', 'occurred_at': 'timestamp', 'due_on': 'date',
} -%}
select
        {{ kind }}_rows.candidate_id,
        cast('{{ kind }}' as varchar) as evidence_kind,
        cast({{ kind }}_rows.ordinal as integer) as ordinal,
        {%- for column, type in columns.items() %}
        cast({{ kind ~ '_rows.' ~ column if column in filled else 'null' }} as {{ type }})
            as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ kind }}_rows
{%- endmacro %}
