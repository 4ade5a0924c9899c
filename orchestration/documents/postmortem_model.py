"""The postmortem's structured fields, as the YAML front matter states them.

Bullets are read into the same model, so both templates give the same record and the same errors.
Its JSON Schema is published for editors in `modernization/schemas/`.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from orchestration.documents.models import slug
from orchestration.documents.names import (
    calendar_date,
    commit_ref,
    incident_ref,
    owner_name,
    service_name,
    ticket_ref,
    utc_time,
    web_address,
)
from orchestration.documents.vocabulary import (
    ContributingFactor,
    DecisionAction,
    FailureMode,
    FixClass,
    Regulation,
    RequiredWindow,
    SloType,
)
from orchestration.rubric.strict import (
    Amount,
    MaturityLevel,
    Number,
    Strict,
    fault,
    unique,
)

Item = TypeVar("Item")

MAX_ITEMS = 500


def _listed(value: Any) -> Any:
    """One entry needs no brackets, and nothing is an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _ratio(value: float) -> float:
    """99.9 and 0.999 both mean 0.999."""
    return round(value / 100, 9) if value > 1 else value


def _as_text(value: Any) -> Any:
    """Incident numbers are numbers to YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_factor(value: Any) -> Any:
    return {"factor": value} if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
ServiceName = Annotated[str, AfterValidator(service_name)]
Owner = Annotated[str, AfterValidator(owner_name)]
IncidentRef = Annotated[
    str,
    BeforeValidator(_as_text, json_schema_input_type=str | int),
    AfterValidator(incident_ref),
]
TicketRef = Annotated[
    str, BeforeValidator(_as_text, json_schema_input_type=str | int), AfterValidator(ticket_ref)
]
CommitRef = Annotated[
    str, BeforeValidator(_as_text, json_schema_input_type=str | int), AfterValidator(commit_ref)
]
WebAddress = Annotated[str, AfterValidator(web_address), Field(json_schema_extra={"format": "uri"})]
Date = Annotated[str, AfterValidator(calendar_date), Field(json_schema_extra={"format": "date"})]
Moment = Annotated[str, AfterValidator(utc_time)]
Percent = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=100)]
Target = Annotated[
    float, Field(strict=True, allow_inf_nan=False, gt=0, le=100), AfterValidator(_ratio)
]
EngineerDays = Annotated[Number, Field(ge=0, le=10_000)]
BurnRate = Annotated[Number, Field(ge=0, le=1e6)]
Maturity = Annotated[MaturityLevel, BeforeValidator(slug)]
Entries = Annotated[list[Item], Field(max_length=MAX_ITEMS), AfterValidator(unique)]


class Slo(Strict):
    """A service-level objective that the incident broke; `target` is 99.9 or 0.999."""

    name: Text | None = None
    type: Annotated[SloType, BeforeValidator(slug)] | None = None
    target: Target | None = None
    burn_rate: BurnRate | None = None
    chart_url: WebAddress | None = None


class Impact(Strict):
    """Blast radius, and when it began. What nobody measured is left out: it is not 0."""

    started_at: Moment | None = None
    users_percent: Percent | None = None
    revenue_usd: Amount | None = None
    regulatory: Annotated[
        Entries[Annotated[Regulation, BeforeValidator(_upper)]],
        BeforeValidator(_listed, json_schema_input_type=list[Regulation] | Regulation | None),
    ] = Field(default_factory=list)


class Factor(Strict):
    """What let it happen; `note` says it in the team's own words."""

    factor: Annotated[ContributingFactor, BeforeValidator(slug)]
    note: Text | None = None


class AiCode(Strict):
    """Whether AI-generated code took part, and whether it had tests."""

    present: bool | None = None
    has_tests: bool | None = None


class Decision(Strict):
    """What the weekly review decided."""

    action: Annotated[DecisionAction, BeforeValidator(slug)] | None = None
    epic: TicketRef | None = None
    target_maturity: Maturity | None = None


class ActionItem(Strict):
    title: Text
    owner: Owner | None = None
    due_date: Date | None = None
    ref: TicketRef | None = None


class Postmortem(Strict):
    """Structured fields of one postmortem; a key left out or empty means not known."""

    incident: Annotated[
        Entries[IncidentRef],
        BeforeValidator(_listed, json_schema_input_type=list[str | int] | str | int | None),
    ] = Field(default_factory=list)
    title: Text | None = None
    services: Annotated[
        Entries[ServiceName],
        BeforeValidator(_listed, json_schema_input_type=list[str] | str | None),
    ] = Field(default_factory=list)
    causal_service: ServiceName | None = None
    failure_mode: Annotated[FailureMode, BeforeValidator(slug)] | None = None
    slos: Annotated[
        Entries[Slo], BeforeValidator(_listed, json_schema_input_type=list[Slo] | Slo | None)
    ] = Field(default_factory=list)
    impact: Impact | None = None
    contributing_factors: Annotated[
        Entries[Annotated[Factor, BeforeValidator(_as_factor)]],
        BeforeValidator(_listed, json_schema_input_type=list[Factor | ContributingFactor] | None),
    ] = Field(default_factory=list)
    fix_classes: Annotated[
        Entries[Annotated[FixClass, BeforeValidator(slug)]],
        BeforeValidator(_listed, json_schema_input_type=list[FixClass] | FixClass | None),
    ] = Field(default_factory=list)
    estimate_days: EngineerDays | None = None
    required_window: Annotated[RequiredWindow, BeforeValidator(slug)] | None = None
    ai_generated_code: AiCode | None = None
    commits: Annotated[
        Entries[CommitRef],
        BeforeValidator(_listed, json_schema_input_type=list[str | int] | str | int | None),
    ] = Field(default_factory=list)
    owner: Owner | None = None
    decision: Decision | None = None
    risk_ids: Annotated[
        Entries[TicketRef],
        BeforeValidator(_listed, json_schema_input_type=list[str | int] | str | int | None),
    ] = Field(default_factory=list)
    review_date: Date | None = None
    completed_at: Moment | None = None
    action_items: Annotated[
        Entries[ActionItem],
        BeforeValidator(_listed, json_schema_input_type=list[ActionItem] | None),
    ] = Field(default_factory=list)

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if not (self.incident or self.services or self.causal_service):
            raise fault(
                "names neither an incident nor a service, so it can't be linked to anything",
                "name at least one of them",
            )
        return self

    def record(self, postmortem_id: str, template: str) -> dict[str, Any]:
        """The postmortem as one record for the warehouse; every key is always there.

        Shares are of 1, money is in US dollars, times are UTC. `is_ai_code_without_tests` is null
        unless the postmortem says both that there was such code and whether it had tests.
        """
        impact = self.impact or Impact()
        decision = self.decision or Decision()
        burn_rates = [slo.burn_rate for slo in self.slos if slo.burn_rate is not None]
        users = impact.users_percent
        return {
            "postmortem_id": postmortem_id,
            "template": template,
            "title": self.title,
            "incident_refs": self.incident,
            "services": self.services,
            "causal_service": self.causal_service or next(iter(self.services), None),
            "failure_mode": self.failure_mode,
            "slos": [slo.model_dump() for slo in self.slos],
            "max_burn_rate": max(burn_rates, default=None),
            "users_share": None if users is None else round(users / 100, 9),
            "revenue_usd": impact.revenue_usd,
            "regulatory": impact.regulatory,
            "contributing_factors": [factor.model_dump() for factor in self.contributing_factors],
            "fix_classes": self.fix_classes,
            "estimate_days": self.estimate_days,
            "required_window": self.required_window,
            "is_ai_code_without_tests": _without_tests(self.ai_generated_code),
            "commits": [_commit(reference) for reference in self.commits],
            "owner": self.owner,
            "decision_action": decision.action,
            "decision_epic_ref": decision.epic,
            "target_maturity": decision.target_maturity,
            "risk_ids": self.risk_ids,
            "impact_started_at": impact.started_at,
            "review_date": self.review_date,
            "completed_at": self.completed_at,
            "action_items": [item.model_dump() for item in self.action_items],
        }


def _commit(reference: str) -> dict[str, str | None]:
    repository, _, sha = reference.rpartition("@")
    return {"repository": repository or None, "sha": sha}


def _without_tests(code: AiCode | None) -> bool | None:
    if code is None or code.present is None:
        return None
    if not code.present:
        return False
    return None if code.has_tests is None else not code.has_tests
