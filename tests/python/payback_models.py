"""What payback is computed with: the models in the order in which they run, and what they read."""

MODELS = (
    "int_outcomes__epics", "int_outcomes__periods", "int_outcomes__window_counts",
    "int_outcomes__studies", "int_outcomes__expectations", "int_outcomes__verdicts",
    "int_outcomes__quiet_days", "int_outcomes__mttr", "int_outcomes__fix_classes",
    "rpt_payback_placebo", "fct_epic_payback", "rpt_payback_by_fix_class",
)  # fmt: skip
INPUTS = {
    "fct_epics": "epic_id, epic_key, service_id, service_name, tracker_name, epic_title, "
    "team_id, owner, status_name, budget_usd double, is_deleted boolean, opened_at timestamp, "
    "closed_at timestamp, shipped_at timestamp, deleted_at timestamp",
    "stg_paydown__epics": "tracker_instance, epic_key, is_closed_as_hygiene boolean",
    "fct_incidents": "incident_id, service_id, is_flap boolean, is_repeat boolean, "
    "severity_level integer, is_out_of_hours boolean, active_seconds bigint, "
    "triggered_at timestamp",
    "dim_services": "service_id, is_scored boolean",
    "fct_incident_costs": "service_id, cost_usd double, triggered_at timestamp",
    "bridge_epic_postmortems": "epic_id, postmortem_id",
    "bridge_postmortem_fix_classes": "postmortem_id, fix_class",
    "not_delivered_statuses": "status_word",
}
"""Columns without a type are text."""
