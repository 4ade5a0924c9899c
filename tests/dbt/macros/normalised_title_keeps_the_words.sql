with cases as (
    {%- for title, expected in [
        ('[FIRING:2] Disk 91% full on db-07.eu.example.com (2026-05-01)', 'firing disk full on'),
        ('[FIRING:1] Disk 88% full on db-03.eu.example.com', 'firing disk full on'),
        ('Backup failed on 3 May', 'backup failed on'),
        ('Backup failed on 4th of June', 'backup failed on'),
        ('May 12: Backup failed', 'backup failed'),
        ('Marc failed 3 backups', 'marc failed backups'),
        ('node i-0abc123def is down', 'node is down'),
        ('job 6f9619ff-8b86-d011-b42d-00c04fc964ff stuck', 'job stuck'),
        ('10.0.3.12 unreachable', 'unreachable'),
        ('web-01: 5xx', 'web xx'),
        ('Überlastung – Knoten 7', 'überlastung knoten'),
        ('支払い 失敗 #123', '支払い 失敗'),
        ('INC0012345', none),
        ('', none),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ title }}' as title,
            {{ "'" ~ expected ~ "'" if expected else 'cast(null as varchar)' }} as expected
    {%- endfor %}
)

select
    cases.title,
    cases.expected,
    {{ normalised_title('cases.title') }} as found
from cases
where coalesce({{ normalised_title('cases.title') }}, '') != coalesce(cases.expected, '')
