-- What stands behind the asks: incidents, contributing factors, lessons, action items, estimates.
select * from rpt_epic_evidence order by service_id, evidence_kind, ordinal
