-- One row per team with what it has and what it promised this quarter.
select team_name, verdict, carve_out_days, committed_days, done_days, spare_days, open_epic_count
from rpt_capacity
order by team_name
