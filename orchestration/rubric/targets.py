"""`modernization/targets.yaml`: what the loop should have reached after its first days."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestration.rubric.strict import Days, Number, Strict, empty_if_none, fault


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise fault("is not a date", "write it as YYYY-MM-DD, such as 2026-01-05") from None


def _share(value: float) -> float:
    if value > 1:
        raise fault(f"{value:g} is not a share of 1", f"write {value / 100:g} for {value:g} %")
    return value


def _change(value: float) -> float:
    if abs(value) > 1:
        raise fault(f"{value:g} is not a share of 1", f"write {value / 100:g} for {value:g} %")
    if value > 0:
        raise fault("would be a rise", f"write {-value:g} for a fall, or 0 for no change")
    return value


Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]
TargetShare = Annotated[Number, Field(ge=0), AfterValidator(_share)]
Change = Annotated[Number, AfterValidator(_change)]


class Postmortems(Strict):
    """Share of incidents' postmortems whose fields are complete in time."""

    complete_share: TargetShare = 0.95
    within_business_days: Annotated[int, Field(strict=True, ge=1, le=365)] = 5


class Promotion(Strict):
    """Action items that become epics, and the median days until they do."""

    action_items_share: TargetShare = 0.70
    median_days_to_epic: Annotated[Number, Field(gt=0, le=3660)] = 7


class Changes(Strict):
    """Change from the days before the start: -0.5 is half of what it was."""

    repeat_rate: Change = -0.50
    mttr: Change = -0.20
    slo_burn: Change = -0.30
    pages_outside_business_hours: Change = -0.40


class CapacityShare(Strict):
    """Share of planned capacity that is spent on modernization, both ends allowed."""

    min: TargetShare = 0.15
    max: TargetShare = 0.25

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if self.min > self.max:
            raise fault(
                f"min ({self.min:g}) is more than max ({self.max:g})",
                "let min be the smaller one",
                at=["min" if "min" in self.model_fields_set else "max"],
            )
        return self


class Targets(Strict):
    """Every target has the article's value where the file says nothing else."""

    starts_on: Day | None = None
    days: Days = 90
    postmortems: Annotated[Postmortems, BeforeValidator(empty_if_none)] = Postmortems()
    promotion: Annotated[Promotion, BeforeValidator(empty_if_none)] = Promotion()
    changes: Annotated[Changes, BeforeValidator(empty_if_none)] = Changes()
    capacity_share: Annotated[CapacityShare, BeforeValidator(empty_if_none)] = CapacityShare()

    def record(self) -> dict[str, Any]:
        """One record; `targets` has one entry a target.

        The value must be no less than `at_least`, no more than `at_most`, and less than `below`,
        where these are stated. A change is a share of the value before the start.
        """
        rows = [
            ("postmortems_complete", "share", {"at_least": self.postmortems.complete_share}),
            ("action_items_promoted", "share", {"at_least": self.promotion.action_items_share}),
            ("median_days_to_epic", "days", {"below": self.promotion.median_days_to_epic}),
            ("repeat_rate", "change", {"at_most": self.changes.repeat_rate}),
            ("mttr", "change", {"at_most": self.changes.mttr}),
            ("slo_burn", "change", {"at_most": self.changes.slo_burn}),
            (
                "pages_outside_business_hours",
                "change",
                {"at_most": self.changes.pages_outside_business_hours},
            ),
            (
                "capacity_share",
                "share",
                {"at_least": self.capacity_share.min, "at_most": self.capacity_share.max},
            ),
        ]
        bounds = {"at_least": None, "at_most": None, "below": None}
        return {
            "starts_on": self.starts_on,
            "days": self.days,
            "within_business_days": self.postmortems.within_business_days,
            "targets": [
                {"target": name, "ordinal": place, "unit": unit, **bounds, **stated}
                for place, (name, unit, stated) in enumerate(rows, start=1)
            ],
        }
