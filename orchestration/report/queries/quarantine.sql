-- One row per stream and reason why records are not facts, most frequent first.
select stream_id, outcome, reason, reason_count
from rpt_data_quality_reasons
order by outcome, reason_count desc, reason
