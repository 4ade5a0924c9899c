-- One row per team with what it has and what is taken this quarter.
select * from rpt_capacity order by team_name
