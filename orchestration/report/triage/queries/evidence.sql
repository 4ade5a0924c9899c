-- The evidence behind the asks: incidents with what they cost, contributing factors, lessons, action items, estimates.
select
    evidence.*,
    incidents.is_repeat,
    incidents.is_out_of_hours,
    costs.cost_usd,
    costs.revenue_source,
    costs.labor_source
from rpt_epic_evidence as evidence
left join fct_incidents as incidents
    on evidence.evidence_kind = 'incident' and evidence.source_id = incidents.incident_id
left join fct_incident_costs as costs
    on evidence.evidence_kind = 'incident' and evidence.source_id = costs.incident_id
order by evidence.service_id, evidence.evidence_kind, evidence.ordinal
