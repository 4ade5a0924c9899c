"""Settings of ServiceNow, and the requested fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from orchestration.documents.strict import invalid
from orchestration.vendors import base

# What the contracts in models/staging/servicenow read.
INCIDENT_FIELDS = (
    "sys_id", "number", "sys_mod_count", "sys_created_on", "sys_updated_on", "short_description",
    "state", "incident_state", "active", "priority", "urgency", "impact", "category", "subcategory",
    "cmdb_ci", "business_service", "assignment_group", "correlation_id", "reopen_count",
    "reassignment_count", "opened_at", "work_start", "resolved_at", "closed_at", "close_code",
    "parent_incident", "problem_id", "u_symptom", "u_service_owner",
)  # fmt: skip
SERVICE_FIELDS = (
    "sys_id", "sys_class_name", "sys_updated_on", "name", "aliases", "number", "short_description",
    "support_group", "assignment_group", "managed_by_group", "owned_by", "operational_status",
    "install_status", "busines_criticality", "service_classification", "environment",
)  # fmt: skip
RISK_FIELDS = (
    "sys_id", "sys_updated_on", "number", "name", "short_description", "state", "active", "profile",
    "profile.applies_to", "cmdb_ci",
)  # fmt: skip
DELETION_FIELDS = ("sys_id", "tablename", "documentkey", "display_value", "sys_created_on")
RELATION_FIELDS = ("sys_id", "parent", "child", "type", "sys_updated_on")


def _query(value: str) -> str:
    if "^NQ" in value or "ORDERBY" in value or value.startswith("^") or value.endswith("^"):
        raise invalid(
            f"{value!r} can't be joined with other conditions",
            "leave out ^NQ, ORDERBY and ^ at either end",
        )
    return value


TableName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=80)]
OptionalTable = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]*$", max_length=80)]
FieldName = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9_.]+)$", max_length=160)]
Query = Annotated[str, AfterValidator(_query), Field(max_length=2000)]
PageSize = Annotated[int, Field(strict=True, ge=10, le=10_000)]


class ServiceNowConfig(base.SourceConfig):
    """One instance. A table whose name is empty is not read.

    Only fields in use are requested: callers' names and work notes are not copied, and display
    values of ninety columns would take the instance long to compute.

    Attributes:
        query: more conditions on incidents, such as `company.name=Tidal`; on fields that don't
            change later, else incidents that leave the query are never seen as resolved.
        fields: more fields of incidents; `*` for all.
        overlap_minutes: how long after its time a change may become visible.
        window_days: the window's size when years are backfilled.
        sweep_hours: how often all ids are compared, and the catalog is read even without signs of
            change.
    """

    url: base.Url | None = None
    user_env: base.EnvName = "SERVICENOW_USER"
    password_env: base.EnvName = "SERVICENOW_PASSWORD"  # noqa: S105 - a name
    token_env: base.EnvName = "SERVICENOW_TOKEN"  # noqa: S105 - a name
    incident_table: TableName = "incident"
    query: Query = ""
    fields: tuple[FieldName, ...] = ()
    deletions_table: OptionalTable = "sys_audit_delete"
    service_table: OptionalTable = "cmdb_ci_service"
    service_query: Query = ""
    relation_table: OptionalTable = "cmdb_rel_ci"
    relation_type: Annotated[str, StringConstraints(pattern=r"^[^^]+$")] = "Depends on::Used by"
    risk_table: OptionalTable = "sn_risk_risk"
    risk_query: Query = ""
    page_size: PageSize = 1000
    id_page_size: PageSize = 10_000
    overlap_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 5
    window_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 30
    sweep_hours: base.Hours = 24

    def extractor(self, context: base.Context) -> base.Extractor:
        from orchestration.vendors.servicenow.extractor import ServiceNow

        return ServiceNow(self, context)
