-- One row per target of the 90 days.
select target_name, target_kind, verdict, target_value, target_max, baseline_value, now_value, change_share, now_count
from rpt_targets_90d
order by target_number
