"""Scores, ranks and bands of every day in plain Python, from the oracle's values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from .oracle_incidents import AS_OF, Row
from .oracle_scores import DAY, Oracle, Points


@dataclass(frozen=True)
class Scored:
    """A service on a day."""

    score: int
    rank: int
    percentile: float
    band: str
    is_held: bool
    points: Points
    values: Row


def scored_days(oracle: Oracle, days: int) -> dict[tuple[str, date], Scored]:
    """Every service on the last days up to AS_OF, its band held by up to hold_days before them."""
    settings, _, _, bands = oracle.rubric
    found: dict[tuple[str, date], Scored] = {}
    past: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for back in range(days + settings["hold_days"], -1, -1):
        today = AS_OF.date() - back * DAY
        at = AS_OF if back == 0 else datetime.combine(today + DAY, time())
        values = oracle.values(at)
        points = {service: oracle.points(one) for service, one in values.items()}
        scores = {s: sum(p or 0 for _, p, _ in one.values()) for s, one in points.items()}

        ranks = {s: _rank(scores[s], points[s], one, oracle) for s, one in values.items()}
        for service, score in scores.items():
            past[service].append((today, score))
            if back >= days:
                continue
            band, is_held = _band(past[service], bands, settings)
            found[service, today] = Scored(
                score,
                1 + sum(one > ranks[service] for one in ranks.values()),
                sum(one < score for one in scores.values()) / (len(scores) - 1),
                band, is_held, points[service], values[service],
            )  # fmt: skip
    return found


def _rank(score: int, points: Points, values: Row, oracle: Oracle) -> tuple[Any, ...]:
    """By score; ties by the score before rounding, then by burn, repeats and users hit."""
    _, factors, shares, _ = oracle.rubric
    exact = sum(
        Decimal(str(factors[name]["weight"])) * Decimal(str(shares[level]))
        for name, (level, _, _) in points.items()
        if level is not None
    )
    ties = [values[one] for one in ("slo_burn", "repeats", "blast_radius")]
    return (score, exact, *(-1.0 if one is None else round(one, 9) for one in ties))


def _band(past: list[tuple[date, int]], bands: list[Row], settings: Row) -> tuple[str, bool]:
    """The highest band that the last score enters, or that it has not left yet."""
    today, score = past[-1]
    for band in bands:
        low = band["min_score"]
        if low is None or score >= low:
            return band["band"], False
        entered = max((day for day, one in past if one >= low), default=None)
        left = max((day for day, one in past if one < low - settings["leave_margin"]), default=None)
        is_in = entered and not (left and left > entered)
        if is_in and entered and (today - entered).days <= settings["hold_days"]:
            return band["band"], True
    raise AssertionError("a rubric without a lowest band")
