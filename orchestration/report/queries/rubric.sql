-- One row per part of the rubric; for a factor also the values that its thresholds can be moved to.
select rubric.*, cuts.cuts
from rpt_rubric as rubric
left join threshold_cuts as cuts on rubric.part_kind = 'factor' and rubric.part_name = cuts.factor
order by rubric.part_kind, rubric.part_ordinal, rubric.part_name
