-- One row per stream and reason for which records are no facts, the most frequent first.
select stream_id, outcome, reason, reason_count
from rpt_data_quality_reasons
order by outcome, reason_count desc, reason
