-- One row per part of the rubric.
select * from rpt_rubric order by part_kind, part_ordinal, part_name
