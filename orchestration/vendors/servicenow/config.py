"""Settings of the source `servicenow`."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from orchestration.http import Http, SourceError
from orchestration.rubric.strict import fault
from orchestration.vendors.base import Context, EnvName, Hours, SourceConfig, Url, secret
from orchestration.vendors.servicenow.extractor import ServiceNow, Tables
from orchestration.vendors.servicenow.table import TableApi

NAME = "servicenow"
RISK_TABLE = "sn_risk_risk"
DEFAULT_RELATION = "Depends on::Used by"

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


def _query(value: str) -> str:
    if "^NQ" in value or "ORDERBY" in value or value.startswith("^") or value.endswith("^"):
        raise fault(
            f"{value!r} can't be joined with other conditions",
            "leave out ^NQ, ORDERBY and ^ at either end",
        )
    return value


TableName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=80)]
OptionalTable = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]*$", max_length=80)]
FieldName = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9_.]+)$", max_length=160)]
Query = Annotated[str, AfterValidator(_query), Field(max_length=2000)]


class ServiceNowConfig(SourceConfig):
    """One instance. A table whose name is empty is not read.

    Only fields that something reads are asked for: callers' names and work notes stay where they
    are, and display values of ninety columns would take the instance long to make.

    Attributes:
        query: more conditions on incidents, such as `company.name=Tidal`; of fields that don't
            change later, or the incidents that leave are never seen to be resolved.
        fields: more fields of incidents; `*` for all.
        overlap_minutes: how much later than its time a change may become visible.
        window_days: how much is read at once when years are filled in.
        sweep_hours: how often all ids are compared, and the catalog is read though nothing says
            that it changed.
    """

    url: Url | None = None
    user_env: EnvName = "SERVICENOW_USER"
    password_env: EnvName = "SERVICENOW_PASSWORD"  # noqa: S105 - a name
    token_env: EnvName = "SERVICENOW_TOKEN"  # noqa: S105 - a name
    incident_table: TableName = "incident"
    query: Query = ""
    fields: tuple[FieldName, ...] = ()
    deletions_table: OptionalTable = "sys_audit_delete"
    service_table: OptionalTable = "cmdb_ci_service"
    service_query: Query = ""
    relation_table: OptionalTable = "cmdb_rel_ci"
    relation_type: Annotated[str, StringConstraints(pattern=r"^[^^]+$")] = DEFAULT_RELATION
    risk_table: OptionalTable = RISK_TABLE
    risk_query: Query = ""
    page_size: Annotated[int, Field(strict=True, ge=10, le=10_000)] = 1000
    id_page_size: Annotated[int, Field(strict=True, ge=10, le=10_000)] = 10_000
    overlap_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 5
    window_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 30
    sweep_hours: Hours = 24

    def extractor(self, context: Context) -> ServiceNow:
        if self.url is None:
            raise SourceError(
                f"{NAME}: url is not set; write `{NAME}: {{url: https://example.service-now.com}}` "
                "into sources.yaml"
            )
        zone = context.environment.get("PAYDOWN_SERVICENOW_TIMEZONE", "") or "UTC"
        if zone != "UTC":
            raise SourceError(
                f"{NAME}: PAYDOWN_SERVICENOW_TIMEZONE is {zone}, but the instance itself sends "
                "UTC; unset it, and leave exported files in that zone to a run of their own"
            )
        http = Http(
            NAME,
            self.url,
            credentials={"Authorization": self._credentials(context)},
            access_hint=(
                f"check {self.token_env}, or {self.user_env} and {self.password_env}, and let that "
                "user read the table (role itil, for deletions and risks a role of their own)"
            ),
            patience=context.patience,
        )
        return ServiceNow(TableApi(http), http, self, self._tables(context), context.progress)

    def _credentials(self, context: Context) -> str:
        if context.environment.get(self.token_env, "").strip():
            return f"Bearer {secret(context, self.token_env, NAME, 'an OAuth access token')}"
        user = secret(context, self.user_env, NAME, f"a user name (or a token in {self.token_env})")
        password = secret(context, self.password_env, NAME, "the user's password")
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def _tables(self, context: Context) -> Tables:
        chosen = [
            context.environment.get(f"PAYDOWN_SERVICENOW_{name}_FIELD", "")
            for name in ("SERVICE", "FAILURE", "RISK_SERVICE")
        ]
        incident_fields = [*INCIDENT_FIELDS, *filter(None, chosen[:2]), *self.fields]
        return Tables(
            incident_fields=() if "*" in self.fields else tuple(dict.fromkeys(incident_fields)),
            service_fields=SERVICE_FIELDS,
            risk_fields=tuple(dict.fromkeys([*RISK_FIELDS, *filter(None, chosen[2:])])),
            # Where the risk product isn't installed there is no such table, which is no fault.
            is_risk_table_expected="risk_table" in self.model_fields_set,
        )
