"""Figures of durations, against Python's on random data."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import timedelta
from statistics import fmean, geometric_mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .compiled_models import NewWarehouse
from .test_incident_oracle import LOOSE, MOMENTS, NOW, SECONDS, Row

WINDOWS = (7, 30, 365)
MIN_INCIDENTS = 3
DURATIONS = (
    "incident_id, service_id, measure, severity_level integer, duration_seconds bigint, "
    "is_flap boolean, is_open boolean, triggered_at timestamp"
)


def percentile(values: list[int], fraction: float) -> float:
    """Between the two nearest of the sorted values, in proportion."""
    place = fraction * (len(values) - 1)
    low, high = sorted(values)[math.floor(place)], sorted(values)[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


@st.composite
def durations(draw: st.DrawFn) -> list[Row]:
    return [
        {
            "incident_id": f"i{n}",
            "service_id": draw(st.sampled_from(("a", "b", "gone"))),
            "measure": draw(st.sampled_from(("time_to_detect", "business_time_to_acknowledge"))),
            "severity_level": draw(st.sampled_from((None, 1, 2))),
            "duration_seconds": draw(st.none() | SECONDS | st.integers(0, 10**9)),
            "is_flap": draw(st.booleans()),
            "is_open": draw(st.booleans()),
            "triggered_at": draw(MOMENTS) + timedelta(seconds=draw(st.sampled_from((0, 0, 1)))),
        }
        for n in range(draw(st.integers(1, 30)))
    ]


@LOOSE
@given(rows=durations())
def test_figures_of_durations_equal_pythons(warehouse: NewWarehouse, rows: list[Row]) -> None:
    models = warehouse()
    models.fill("int_incidents__durations", DURATIONS, rows)
    services = [("a", "A", "t"), ("b", "B", None)]
    models.fill("dim_services", "service_id, service_name, team_id", services)
    models.fill("dim_teams", "team_id, team_name", [("t", "T")])
    models.fill("stg_calendar__report_windows", "window_days bigint", [(w,) for w in WINDOWS])
    models.fill("stg_calendar__reports", "min_incidents bigint", [(MIN_INCIDENTS,)])
    models.run("rpt_incident_durations")

    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        for days in WINDOWS:
            if NOW - timedelta(days=days) < row["triggered_at"] <= NOW:
                for kind, value in (
                    ("all", "all"),
                    ("service", row["service_id"]),
                    ("team", "t" if row["service_id"] == "a" else "none"),
                    ("severity", str(row["severity_level"] or "none")),
                ):
                    groups[kind, value, row["measure"], days].append(row)
    found = models.ask(
        "select dimension_kind, dimension_value, measure, window_days, incident_count, "
        "episode_count, measured_count, open_count, unknown_count, is_too_few, p50_seconds, "
        "p90_seconds, geometric_mean_seconds, mean_seconds "
        "from paydown_marts.rpt_incident_durations"
    )
    assert Counter(row[:4] for row in found) == Counter(groups.keys())
    for row in found:
        assert row[4:] == figures(groups[row[:4]], in_business_hours=row[2].startswith("business"))


def figures(group: list[Row], *, in_business_hours: bool) -> tuple[Any, ...]:
    known = [row["duration_seconds"] for row in group if row["duration_seconds"] is not None]
    still_open = sum(row["duration_seconds"] is None and row["is_open"] for row in group)
    counts = (
        len(group),
        sum(not row["is_flap"] for row in group),
        len(known),
        still_open,
        len(group) - len(known) - still_open,
        len(known) < MIN_INCIDENTS,
    )
    if not known:
        return *counts, None, None, None, None
    middle = pytest.approx(geometric_mean([max(s, 1) for s in known]), rel=1e-5)
    return (
        *counts,
        pytest.approx(percentile(known, 0.5)),
        pytest.approx(percentile(known, 0.9)),
        None if in_business_hours else middle,
        pytest.approx(fmean(known)),
    )
