-- One row per source: rows in, quarantined, excluded, and whether it is stale.
select
    source_name,
    max(owner) as owner,
    sum(raw_rows) as rows_in,
    sum(open_quarantine_count) as quarantined,
    sum(excluded_count) as excluded,
    sum(fact_count) as facts,
    bool_or(coalesce(is_stale, false)) as is_stale,
    bool_or(is_synced) as is_synced,
    max(newest_load_at) as newest_load_at
from rpt_data_quality
where source_name not in ('modernization', 'calendar', 'paydown')
group by source_name
having sum(raw_rows) > 0 or sum(open_quarantine_count) > 0 or bool_or(coalesce(is_stale, false))
order by sum(raw_rows) desc
