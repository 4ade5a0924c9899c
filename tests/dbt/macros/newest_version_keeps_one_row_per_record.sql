-- Columns: what tells the record (two columns), its version (two columns), where it came from.
with versions_loaded as (
    {%- for tool, number, changed_on, changes, payload, load_id, line in [
        ('a', 'older loaded later', '2026-05-02', 1, 'right', 'load-1', 1),
        ('a', 'older loaded later', '2026-05-01', 9, 'wrong', 'load-2', 1),
        ('a', 'second version column', '2026-05-01', 9, 'wrong', 'load-1', 2),
        ('a', 'second version column', '2026-05-01', 10, 'right', 'load-1', 1),
        ('a', 'version unknown', none, 99, 'wrong', 'load-2', 2),
        ('a', 'version unknown', '2026-05-01', none, 'right', 'load-1', 1),
        ('a', 'tie by content', '2026-05-01', 1, 'b: greater', 'load-1', 1),
        ('a', 'tie by content', '2026-05-01', 1, 'a: lesser', 'load-2', 1),
        ('b', 'tie by content', '2026-05-01', 1, 'b: greater', 'load-2', 1),
        ('b', 'tie by content', '2026-05-01', 1, 'a: lesser', 'load-1', 1),
        ('b', 'older loaded later', '2026-05-01', 1, 'right', 'load-3', 1),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ tool }}' as tool,
            '{{ number }}' as number,
            cast({{ "'" ~ changed_on ~ "'" if changed_on else 'null' }} as timestamp) as changed_at,
            cast({{ changes if changes else 'null' }} as integer) as changes,
            '{{ payload }}' as _payload,
            '{{ load_id }}' as _load_id,
            {{ line }} as _line
    {%- endfor %}
),

newest as (
    select
        newest.tool,
        newest.number,
        newest._payload
    from {{ newest_version('versions_loaded', ['tool', 'number'], ['changed_at', 'changes']) }}
        as newest
),

expected as (
    select distinct
        versions_loaded.tool,
        versions_loaded.number,
        -- Among versions that tie, the greater text.
        case when versions_loaded.number = 'tie by content' then 'b: greater' else 'right' end
            as _payload
    from versions_loaded
)

select
    expected.tool,
    expected.number,
    expected._payload as expected,
    newest._payload as actual
from expected
full join newest
    on
        expected.tool = newest.tool
        and expected.number = newest.number
        and expected._payload = newest._payload
where
    expected.tool is null
    or newest.tool is null
