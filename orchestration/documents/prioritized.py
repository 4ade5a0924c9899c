"""`modernization/prioritized.yaml`: the ranked epics, and people's decisions about the money.

paydown writes the fields of `Ranked`; the others are people's. Merging the file is the approval.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from orchestration.documents.strict import (
    Amount,
    Day,
    Strict,
    invalid,
    once,
    short_text,
    unique,
)

Name = Annotated[str, short_text(200)]
Note = Annotated[str, short_text(4000)]
DECISIONS = ("approved", "deferred", "rejected")


class Ranked(Strict):
    """Paydown's fields of an epic: of the service, or shared fix, `id` in its `cycle`.

    rank: None if it is no longer a candidate; its other values are from when it was.
    incidents_cost_usd: the known cost of its incidents in the rubric's window.
    """

    id: Annotated[str, short_text(500)]
    cycle: Annotated[int, Field(strict=True, ge=1, le=9999)]
    service: Name
    rank: Annotated[int, Field(strict=True, ge=1)] | None = None
    score: Annotated[int, Field(strict=True)] | None = None
    band: Name | None = None
    epic: Name | None = None
    owner: Name | None = None
    due: Day | None = None
    estimate_days: Amount | None = None
    budget_usd: Amount | None = None
    target_maturity: Name | None = None
    exit_criteria: list[str] = Field(default_factory=list)
    risk_ids: list[str] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)
    success_test: Note | None = None
    incidents_cost_usd: Amount | None = None


class Prioritized(Ranked):
    """An entry of the file, with the fields in which people decide."""

    decision: Literal["pending", "approved", "deferred", "rejected"] = "pending"
    by: Name | None = None
    on: Day | None = None
    amount_usd: Amount | None = None
    until: Day | None = None
    note: Note | None = None
    risk_acceptance: Note | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.decision == "pending":
            return self
        fixes = {"by": "name who decided", "on": "write the day, such as 2026-06-26"}
        if self.decision != "approved":
            fixes["note"] = "write the reason"
        for field, fix in fixes.items():
            if not getattr(self, field):
                raise invalid(f"is {self.decision}, but {field} is empty", fix, [field])
        if self.decision == "approved" and self.amount is None:
            what = "is approved, but has neither amount_usd nor budget_usd"
            raise invalid(what, "write amount_usd, what may be spent", ["amount_usd"])
        return self

    @property
    def amount(self) -> float | None:
        """What may be spent, in US dollars: what people wrote, else the budget."""
        return self.budget_usd if self.amount_usd is None else self.amount_usd


PEOPLES = tuple(name for name in Prioritized.model_fields if name not in Ranked.model_fields)


class PrioritizedFile(Strict):
    """The file: each service once per cycle."""

    epics: Annotated[list[Prioritized], once(lambda epic: f"{epic.id} cycle {epic.cycle}")] = Field(
        default_factory=list, max_length=2000
    )

    def record(self) -> dict[str, Any]:
        """The entries, each with its amount, and `risks` with one row per entry and risk."""
        entries = [
            {**epic.model_dump(mode="json"), "amount": epic.amount, "ordinal": ordinal}
            for ordinal, epic in enumerate(self.epics, start=1)
        ]
        risks = [
            {"id": epic.id, "cycle": epic.cycle, "risk_id": risk}
            for epic in self.epics
            for risk in unique(epic.risk_ids)
        ]
        return {"epics": entries, "risks": risks}
