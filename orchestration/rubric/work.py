"""`modernization/targets.yaml`, `shared_fixes.yaml` and `decisions.yaml`: what the work should
reach in its first days, which changes serve several services, and what the review decided.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchestration.documents.strict import (
    CheckedShare,
    Day,
    Days,
    FixClass,
    Number,
    Strict,
    invalid,
    matching,
    once,
    rising,
    share_of_one,
    short_text,
)


def _fall(value: float) -> float:
    if share_of_one(value) > 0:
        raise invalid("would be a rise", f"write {-value:g} for a fall, or 0 for no change")
    return value


Change = Annotated[Number, AfterValidator(_fall)]


class Postmortems(Strict):
    """Share of incidents' postmortems whose fields are complete in time."""

    complete_share: CheckedShare = 0.95
    within_business_days: Annotated[int, Field(strict=True, ge=1, le=365)] = 5


class Promotion(Strict):
    """Action items that become epics, and the median days until they do."""

    action_items_share: CheckedShare = 0.70
    median_days_to_epic: Annotated[Number, Field(gt=0, le=3660)] = 7


class Changes(Strict):
    """Change against the days before the start: -0.5 means half."""

    repeat_rate: Change = -0.50
    mttr: Change = -0.20
    slo_burn: Change = -0.30
    pages_outside_business_hours: Change = -0.40
    infrastructure_cost: Change = -0.05
    toil_hours: Change = 0.0


class CapacityShare(Strict):
    """Share of planned capacity spent on modernization, both ends included."""

    min: CheckedShare = 0.15
    max: CheckedShare = 0.25

    @model_validator(mode="after")
    def _rise(self) -> Self:
        rising(self.model_dump(), self.model_fields_set, "make min the smaller one", equal=True)
        return self


class Targets(Strict):
    """Every target has the article's value by default."""

    starts_on: Day | None = None
    days: Days = 90
    postmortems: Postmortems = Postmortems()
    promotion: Promotion = Promotion()
    services_to_silver: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 3
    changes: Changes = Changes()
    capacity_share: CapacityShare = CapacityShare()


Name = Annotated[str, short_text(200)]
FixId = Annotated[
    str,
    Field(max_length=60),
    matching(
        r"[a-z0-9]+(?:-[a-z0-9]+)*",
        "is not an id",
        "write lower-case letters, digits and single hyphens, such as terraform-timeouts",
    ),
]


class SharedFix(Strict):
    """`services` as named in the catalog or a tool. What is left out comes from the members."""

    id: FixId
    title: Name
    services: Annotated[list[Name], Field(min_length=2, max_length=500), once(str.lower)]
    owner: Name | None = None
    estimate_days: Annotated[Number, Field(gt=0, le=10_000)] | None = None
    fix_class: FixClass | None = None


class SharedFixes(Strict):
    """A service can wait for one shared fix at a time; remove a fix when it is done."""

    fixes: Annotated[list[SharedFix], once(lambda fix: fix.id)] = Field(
        default_factory=list, max_length=500
    )

    @model_validator(mode="after")
    def _each_service_once(self) -> Self:
        fixes: dict[str, str] = {}
        for place, fix in enumerate(self.fixes):
            for service in map(str.lower, fix.services):
                if service in fixes:
                    what = f"{service} is listed twice, in {fixes[service]} and {fix.id}"
                    raise invalid(what, "list a service once", ["fixes", place, "services"])
                fixes[service] = fix.id
        return self

    def record(self) -> dict[str, Any]:
        """The file, and `members` with one entry per fix and service."""
        members = [
            {"id": fix.id, "ordinal": ordinal, "service": service}
            for ordinal, fix in enumerate(self.fixes, start=1)
            for service in fix.services
        ]
        return super().record() | {"members": members}


class ReviewDecision(Strict):
    """What the weekly review decided about a service, or a shared fix by its id.

    promote opens an epic; bundle opens none of its own; close and defer are a no, which needs a
    reason. A close is valid until the next incident, or until its day; a defer until its day.
    """

    service: Name
    decision: Literal["promote", "bundle", "close", "defer"]
    decided_on: Day
    decided_by: Name | None = None
    owner: Name | None = None
    due: Day | None = None
    until: Day | None = None
    reason: Annotated[str, short_text(2000)] | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.decision in ("close", "defer") and not self.reason:
            raise invalid("is a no without a reason", "write why in reason", ["reason"])
        if self.decision == "defer" and not self.until:
            raise invalid("is deferred without an end date", "state until, a day", ["until"])
        for name in ("due", "until"):
            day = getattr(self, name)
            if day and day <= self.decided_on:
                raise invalid("is not after decided_on", "write a later day", [name])
        for name, decisions in (("due", ("promote", "bundle")), ("until", ("close", "defer"))):
            if getattr(self, name) and self.decision not in decisions:
                what = f"has no meaning if the decision is {self.decision}"
                raise invalid(what, f"leave {name} out", [name])
        return self


class ReviewDecisions(Strict):
    """What the review decided, oldest first; a service's newest decision is valid."""

    decisions: list[ReviewDecision] = Field(default_factory=list, max_length=100_000)
