"""`modernization/targets.yaml`: what the loop should have reached after its first days."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestration.documents.strict import (
    CheckedShare,
    Day,
    Days,
    Number,
    Strict,
    empty_if_none,
    fault,
    share_of_one,
)


def _fall(value: float) -> float:
    if share_of_one(value) > 0:
        raise fault("would be a rise", f"write {-value:g} for a fall, or 0 for no change")
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
    """Change from the days before the start: -0.5 is half of what it was."""

    repeat_rate: Change = -0.50
    mttr: Change = -0.20
    slo_burn: Change = -0.30
    pages_outside_business_hours: Change = -0.40


class CapacityShare(Strict):
    """Share of planned capacity that is spent on modernization, both ends allowed."""

    min: CheckedShare = 0.15
    max: CheckedShare = 0.25

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
