"""`modernization/scoring.yaml`: what makes a service a modernization candidate.

The short form (weights and bands) is complete: everything else has a default. Points are computed
in SQL, not here; this model only defines the rubric, and identifies it by a hash.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from orchestration.documents.strict import (
    Amount,
    Days,
    Number,
    Share,
    Strict,
    invalid,
    rising,
    share_of_one,
)

Factor = Literal[
    "slo_burn",
    "repeats",
    "mttr",
    "blast_radius",
    "dependency_centrality",
    "revenue_impact",
    "effort",
    "ai_risk",
]
FACTORS: tuple[Factor, ...] = get_args(Factor)
# Thresholds of these factors are shares, so 30 for 30 % would never be reached.
SHARE_FACTORS = frozenset({"blast_radius", "dependency_centrality"})
# A value at or above the cut has the level. Burn: share of an error budget spent in its period.
# MTTR in minutes, revenue in US dollars, effort in engineer-days.
DEFAULT_CUTS: dict[Factor, dict[str, float]] = {
    "slo_burn": {"low": 0.1, "medium": 0.5, "high": 1},
    "repeats": {"low": 1, "medium": 2, "high": 3},
    "mttr": {"low": 30, "medium": 60, "high": 120},
    "blast_radius": {"low": 0.01, "medium": 0.10, "high": 0.30},
    "dependency_centrality": {"low": 0.05, "medium": 0.15, "high": 0.30},
    "revenue_impact": {"low": 10_000, "medium": 100_000, "high": 500_000},
    "effort": {"low": 1, "medium": 5, "high": 15},
    "ai_risk": {"high": 1},
}


class Levels(Strict):
    """Share of a factor's weight for each level."""

    none: Share = 0
    low: Share = 0.3
    medium: Share = 0.6
    high: Share = 1

    @model_validator(mode="after")
    def _rise(self) -> Self:
        fix = "let the shares rise from none to high"
        rising(self.model_dump(), self.model_fields_set, fix)
        return self


class Cuts(Strict):
    """The values at which a factor becomes low, medium or high; `null` drops a level."""

    low: Amount | None = None
    medium: Amount | None = None
    high: Amount | None = None


AlertLevel = Literal["none", "low", "medium", "high"]


class Alerts(Strict):
    """The minimum level of a service for which a burn-rate alert of the SRE workbook fired.

    Paging: 2 % of the budget in an hour, 5 % in six. Opening a ticket: 10 % in a day or in three.
    """

    page: AlertLevel = "medium"
    ticket: AlertLevel = "low"


class Burn(Strict):
    """Levels of `slo_burn`: by the share of an error budget spent, and by the alert that fired."""

    budget_spent: Cuts = Cuts()
    alerts: Alerts = Alerts()

    @model_validator(mode="before")
    @classmethod
    def _no_rates(cls, given: Any) -> Any:
        rates = [level for level in ("low", "medium", "high") if level in (given or ())]
        if rates:
            what = "a burn rate has no level of its own: an hour at a high rate spends little"
            fix = "state shares of the budget: budget_spent: {low: 0.1, medium: 0.5, high: 1}"
            raise invalid(what, fix, at=rates[:1])
        return given


class Thresholds(Strict):
    """The values at which each factor reaches each level; missing ones have their defaults."""

    slo_burn: Burn = Burn()
    repeats: Cuts = Cuts()
    mttr: Cuts = Cuts()
    blast_radius: Cuts = Cuts()
    dependency_centrality: Cuts = Cuts()
    revenue_impact: Cuts = Cuts()
    effort: Cuts = Cuts()
    ai_risk: Cuts = Cuts()

    def stated(self, factor: Factor) -> Cuts:
        """The cuts that the file states for a factor."""
        value = getattr(self, factor)
        return value.budget_spent if isinstance(value, Burn) else value


class Band(Strict):
    min_score: Number
    due_in_days: Days | None = None


class Bands(Strict):
    """What a score leads to; below both, a service is closed as hygiene.

    By default work is due 45 days after the band is entered, 90 for the lower one.
    """

    promote_to_epic: Band
    bundle_with_existing: Band

    @model_validator(mode="after")
    def _promote_above_bundle(self) -> Self:
        names = ("bundle_with_existing", "promote_to_epic")
        least = {name: getattr(self, name).min_score for name in names}
        rising(least, least, "raise the one or lower the other")
        return self


class Hysteresis(Strict):
    """A band is left only `margin` points below its minimum, or after `hold_days`."""

    margin: Amount = 2
    hold_days: Annotated[int, Field(strict=True, ge=0, le=366)] = 28


class Scoring(Strict):
    """How services are scored; see `modernization/README.md` for every key."""

    weights: Annotated[dict[Factor, Number], Field(min_length=1)]
    bands: Bands
    window_days: Days = 90
    repeat_window_days: Days = 90
    hysteresis: Hysteresis = Hysteresis()
    levels: Levels = Levels()
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _weigh_something(self) -> Self:
        if not any(self.weights.values()):
            what = "every weight is 0, so every score would be 0"
            raise invalid(what, "give at least one factor a weight", at=["weights"])
        for factor in FACTORS:
            stated = self.thresholds.stated(factor)
            place = ["thresholds", factor] + ["budget_spent"] * (factor == "slo_burn")
            cuts = {level: cut for level, cut in self.cuts(factor).items() if cut is not None}
            if not cuts:
                fix = "state low, medium or high, or give the factor the weight 0"
                raise invalid("no threshold is left", fix, at=place)
            fix = "state both, rising, or write null for the level to drop"
            rising(cuts, stated.model_fields_set, fix, at=place)
            for level, cut in cuts.items() if factor in SHARE_FACTORS else ():
                share_of_one(cut, at=[*place, level])
        return self

    def cuts(self, factor: Factor) -> dict[str, float | None]:
        """The factor's thresholds by level: the file's values over the defaults."""
        stated = self.thresholds.stated(factor).model_dump(exclude_unset=True)
        return {"low": None, "medium": None, "high": None} | DEFAULT_CUTS[factor] | stated

    def record(self) -> dict[str, Any]:
        """The rubric as one record for the warehouse; every factor and band, defaults included.

        `ordinal` increases with the level and the band. `close_as_hygiene` has no minimum.
        """
        promote, bundle = self.bands.promote_to_epic, self.bands.bundle_with_existing
        ordinals = list(self.levels.model_dump())
        alerts = {
            f"{alert}_ordinal": ordinals.index(level)
            for alert, level in self.thresholds.slo_burn.alerts.model_dump().items()
        }
        meaning = {
            "window_days": self.window_days,
            "leave_margin": _number(self.hysteresis.margin),
            "hold_days": self.hysteresis.hold_days,
            "repeat_window_days": self.repeat_window_days,
            "factors": [
                {"factor": factor, "weight": _number(self.weights.get(factor, 0))}
                | {level: _number(cut) for level, cut in self.cuts(factor).items()}
                | (alerts if factor == "slo_burn" else {})
                for factor in FACTORS
            ],
            "levels": [
                {"level": level, "ordinal": ordinal, "share": _number(share)}
                for ordinal, (level, share) in enumerate(self.levels.model_dump().items())
            ],
            "bands": [
                _band("promote_to_epic", 2, promote.min_score, promote.due_in_days or 45),
                _band("bundle_with_existing", 1, bundle.min_score, bundle.due_in_days or 90),
                _band("close_as_hygiene", 0, None, None),
            ],
        }
        canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        return {"rubric_hash": hashlib.sha256(canonical.encode()).hexdigest()[:12]} | meaning

    @property
    def rubric_hash(self) -> str:
        """12 hex digits that identify the rubric's content, however its file is laid out."""
        return self.record()["rubric_hash"]


def _number(value: float | None) -> float | None:
    """One spelling per number, so that 5 or 5.0, and -0.0 or 0, give the same hash."""
    return None if value is None else float(value) + 0.0


def _band(band: str, ordinal: int, least: float | None, days: int | None) -> dict[str, Any]:
    return {"band": band, "ordinal": ordinal, "min_score": _number(least), "due_in_days": days}
