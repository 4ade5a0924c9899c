-- One row per state of the funnel in the window of 90 days, or the nearest to it.
select stage, window_days, incident_count, reached_share, median_days_to_next, p90_days_to_next
from rpt_funnel
qualify dense_rank() over (order by abs(window_days - 90), window_days) = 1
order by stage_number
