"""`modernization/scoring.yaml`: what makes a service a modernization candidate.

The short form (weights and bands) is complete: everything else has a default. Points are computed
in SQL, not here; this model only says what the rubric is, and names it by a hash.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from orchestration.documents.strict import (
    Amount,
    Days,
    Number,
    Share,
    Strict,
    empty_if_none,
    fault,
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
Level = Literal["none", "low", "medium", "high"]

FACTORS: tuple[Factor, ...] = get_args(Factor)
LEVELS: tuple[Level, ...] = get_args(Level)
CUTS = ("low", "medium", "high")
# Thresholds of these factors are shares, so 30 for 30 % would never be reached.
SHARE_FACTORS = frozenset({"blast_radius", "dependency_centrality"})

# A value at or above the cut has the level. Burn: the multi-window alert thresholds of the Google
# SRE workbook. MTTR in minutes, revenue in US dollars, effort in engineer-days.
DEFAULT_CUTS: dict[Factor, dict[str, float]] = {
    "slo_burn": {"low": 1, "medium": 6, "high": 14.4},
    "repeats": {"low": 1, "medium": 2, "high": 3},
    "mttr": {"low": 30, "medium": 60, "high": 120},
    "blast_radius": {"low": 0.01, "medium": 0.10, "high": 0.30},
    "dependency_centrality": {"low": 0.05, "medium": 0.15, "high": 0.30},
    "revenue_impact": {"low": 10_000, "medium": 100_000, "high": 500_000},
    "effort": {"low": 1, "medium": 5, "high": 15},
    "ai_risk": {"high": 1},
}


class Levels(Strict):
    """Share of a factor's weight that each level gives."""

    none: Share = 0
    low: Share = 0.3
    medium: Share = 0.6
    high: Share = 1

    @model_validator(mode="after")
    def _rise(self) -> Self:
        for lower, higher in pairwise(LEVELS):
            if getattr(self, lower) >= getattr(self, higher):
                raise fault(
                    f"{higher} ({getattr(self, higher):g}) must be more than {lower} "
                    f"({getattr(self, lower):g})",
                    "let the shares rise from none to high",
                    at=[higher if higher in self.model_fields_set else lower],
                )
        return self


class Cuts(Strict):
    """The values from which a factor is low, medium or high; `null` drops a level."""

    low: Amount | None = None
    medium: Amount | None = None
    high: Amount | None = None


class PromoteBand(Strict):
    min_score: Number
    due_in_days: Days = 45


class BundleBand(Strict):
    min_score: Number
    due_in_days: Days = 90


class Bands(Strict):
    """What a score leads to; below both, a service is closed as hygiene."""

    promote_to_epic: PromoteBand
    bundle_with_existing: BundleBand

    @model_validator(mode="after")
    def _promote_above_bundle(self) -> Self:
        promote, bundle = self.promote_to_epic.min_score, self.bundle_with_existing.min_score
        if promote <= bundle:
            raise fault(
                f"promote_to_epic ({promote:g}) must ask for more than bundle_with_existing "
                f"({bundle:g})",
                "raise the one or lower the other",
                at=["promote_to_epic", "min_score"],
            )
        return self


class Hysteresis(Strict):
    """Keeps a service from flapping in and out of a band.

    A band entered is left only `margin` points below its minimum, or after `hold_days`.
    """

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
    thresholds: Annotated[
        dict[Factor, Annotated[Cuts, BeforeValidator(empty_if_none)]],
        BeforeValidator(empty_if_none),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _weigh_something(self) -> Self:
        if not any(self.weights.values()):
            raise fault(
                "every weight is 0, so every score would be 0",
                "give at least one factor a weight",
                at=["weights"],
            )
        return self

    @model_validator(mode="after")
    def _cuts_rise(self) -> Self:
        for factor in self.thresholds:
            _check_cuts(factor, self.cuts(factor), self.thresholds[factor].model_fields_set)
        return self

    def cuts(self, factor: Factor) -> dict[str, float | None]:
        """The factor's thresholds by level: what the file states over the defaults."""
        stated = self.thresholds.get(factor)
        overrides = stated.model_dump(exclude_unset=True) if stated else {}
        return dict.fromkeys(CUTS) | DEFAULT_CUTS[factor] | overrides

    def record(self) -> dict[str, Any]:
        """The rubric as one record for the warehouse; every factor and band, defaults included.

        `ordinal` rises with the level and with the band. `close_as_hygiene` has no minimum.
        """
        promote, bundle = self.bands.promote_to_epic, self.bands.bundle_with_existing
        meaning = {
            "window_days": self.window_days,
            "leave_margin": _number(self.hysteresis.margin),
            "hold_days": self.hysteresis.hold_days,
            "repeat_window_days": self.repeat_window_days,
            "factors": [
                {
                    "factor": factor,
                    "weight": _number(self.weights.get(factor, 0)),
                    **{level: _number(cut) for level, cut in self.cuts(factor).items()},
                }
                for factor in FACTORS
            ],
            "levels": [
                {"level": level, "ordinal": ordinal, "share": _number(getattr(self.levels, level))}
                for ordinal, level in enumerate(LEVELS)
            ],
            "bands": [
                _band("promote_to_epic", 2, promote.min_score, promote.due_in_days),
                _band("bundle_with_existing", 1, bundle.min_score, bundle.due_in_days),
                _band("close_as_hygiene", 0, None, None),
            ],
        }
        canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        return {"rubric_hash": hashlib.sha256(canonical.encode()).hexdigest()[:12]} | meaning

    @property
    def rubric_hash(self) -> str:
        """12 hex digits that name what the rubric means, however its file is laid out."""
        return self.record()["rubric_hash"]


def _number(value: float | None) -> float | None:
    """One spelling per number, so that 5, 5.0 and -0.0 against 0 don't change the hash."""
    return None if value is None else float(value) + 0.0


def _band(band: str, ordinal: int, least: float | None, days: int | None) -> dict[str, Any]:
    return {"band": band, "ordinal": ordinal, "min_score": _number(least), "due_in_days": days}


def _check_cuts(factor: Factor, cuts: dict[str, float | None], stated: set[str]) -> None:
    present = [(level, cut) for level, cut in cuts.items() if cut is not None]
    if not present:
        raise fault(
            "no threshold is left",
            "state low, medium or high, or give the factor the weight 0",
            at=["thresholds", factor],
        )
    for (lower, low), (higher, high) in pairwise(present):
        if low >= high:
            raise fault(
                f"{higher} ({high:g}) must be more than {lower} ({low:g})",
                f"state both, rising, or `{lower}: null` to do without it",
                at=["thresholds", factor, higher if higher in stated else lower],
            )
    if factor in SHARE_FACTORS:
        for level, cut in present:
            share_of_one(cut, at=["thresholds", factor, level])
