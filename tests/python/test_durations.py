"""Episodes, repeats and figures of durations, against slow, obvious Python on random data."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import timedelta
from statistics import fmean, geometric_mean
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .compiled_models import Warehouse
from .incident_oracle import (
    MOMENTS,
    NOW,
    SECONDS,
    episodes,
    fill_incidents,
    fingerprints,
    incidents,
)

pytestmark = pytest.mark.xdist_group("compiled")

WINDOWS = (7, 30, 365)
MIN_INCIDENTS = 3
LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@settings(LOOSE, max_examples=150)
@given(incidents())
def test_episodes_equal_a_walk_through_each_alert(rows: list[dict[str, Any]]) -> None:
    warehouse = Warehouse()
    fill_incidents(warehouse, rows)
    warehouse.run("int_incidents__episodes")
    found = warehouse.ask(
        "select incident_id, episode_id, is_flap from paydown_intermediate.int_incidents__episodes"
    )
    assert {incident: episode for incident, episode, _ in found} == episodes(rows)
    assert all(is_flap == (incident != episode) for incident, episode, is_flap in found)


@LOOSE
@given(rows=incidents(), repeat_days=st.sampled_from((1, 1, 90)), window=st.sampled_from((1, 90)))
def test_repeats_and_chains_equal_a_search_through_all_pairs(
    rows: list[dict[str, Any]], repeat_days: int, window: int
) -> None:
    warehouse = Warehouse()
    fill_incidents(warehouse, rows)
    warehouse.fill(
        "stg_modernization__scoring",
        {"repeat_window_days": "bigint", "window_days": "bigint"},
        [(repeat_days, window)],
    )
    # Everything was known from the beginning; how it came to be known has unit tests of its own.
    warehouse.fill(
        "int_incidents__reviews",
        dict.fromkeys(("incident_id", "service_id", "failure_mode"), "varchar")
        | dict.fromkeys(("known_from", "known_until"), "timestamp"),
        [(row["incident_id"], row["service_id"], row["failure_mode"], None, None) for row in rows],
    )
    services = dict.fromkeys(("service_id", "service_name"), "varchar")
    warehouse.fill("dim_services", services, [("a", "A"), ("b", "B")])
    for model in (
        "int_incidents__episodes",
        "int_incidents__fingerprint_spells",
        "int_incidents__fingerprints",
        "int_incidents__repeats",
        "rpt_repeat_chains",
    ):
        warehouse.run(model)

    flaps = {incident for incident, first in episodes(rows).items() if incident != first}
    real = sorted(
        (row for row in rows if row["incident_id"] not in flaps),
        key=lambda row: (row["triggered_at"], row["incident_id"]),
    )
    told: dict[str, tuple[str, bool, str | None]] = {}
    chains: dict[str, list[tuple[dict[str, Any], bool]]] = defaultdict(list)
    for place, row in enumerate(real):
        judged = []
        for fingerprint in fingerprints(row):
            before = [r for r in real[:place] if fingerprint in fingerprints(r)]
            within = timedelta(days=repeat_days)
            is_repeat = bool(before) and row["triggered_at"] - before[-1]["triggered_at"] <= within
            judged.append(
                (fingerprint, is_repeat, before[-1]["incident_id"] if is_repeat else None)
            )
            chains[fingerprint].append((row, is_repeat))
        if judged:
            told[row["incident_id"]] = next((j for j in judged if j[1]), judged[0])
    found = warehouse.ask("from paydown_intermediate.int_incidents__repeats")
    assert {incident: tuple(rest) for incident, *rest in found} == told

    start = NOW - timedelta(days=window)
    expected = {}
    for fingerprint, members in chains.items():
        recent = [is_repeat for row, is_repeat in members if row["triggered_at"] >= start]
        if any(recent):
            ids = ", ".join(row["incident_id"] for row, _ in members)
            moments = [row["triggered_at"] for row, _ in members]
            expected[fingerprint] = (len(recent), sum(recent), ids, moments[0], moments[-1])
    found = warehouse.ask(
        "select fingerprint, incident_count, repeat_count, incident_ids, first_seen_at, "
        "last_seen_at from paydown_marts.rpt_repeat_chains"
    )
    assert {fingerprint: tuple(rest) for fingerprint, *rest in found} == expected


def percentile(values: list[int], fraction: float) -> float:
    """Between the two nearest of the sorted values, in proportion."""
    place = fraction * (len(values) - 1)
    low, high = sorted(values)[math.floor(place)], sorted(values)[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


@st.composite
def durations(draw: st.DrawFn) -> list[dict[str, Any]]:
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
@given(durations())
def test_figures_of_durations_equal_pythons(rows: list[dict[str, Any]]) -> None:
    warehouse = Warehouse()
    kinds = dict.fromkeys(("incident_id", "service_id", "measure"), "varchar") | {
        "severity_level": "integer",
        "duration_seconds": "bigint",
        "is_flap": "boolean",
        "is_open": "boolean",
        "triggered_at": "timestamp",
    }
    warehouse.fill("int_incidents__durations", kinds, [tuple(row.values()) for row in rows])
    names = dict.fromkeys(("service_id", "service_name", "team_id"), "varchar")
    warehouse.fill("dim_services", names, [("a", "A", "t"), ("b", "B", None)])
    names = dict.fromkeys(("team_id", "team_name"), "varchar")
    warehouse.fill("dim_teams", names, [("t", "T")])
    windows = [(days,) for days in WINDOWS]
    warehouse.fill("stg_calendar__report_windows", {"window_days": "bigint"}, windows)
    warehouse.fill("stg_calendar__reports", {"min_incidents": "bigint"}, [(MIN_INCIDENTS,)])
    warehouse.run("rpt_incident_durations")

    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        for days in WINDOWS:
            if NOW - timedelta(days=days) <= row["triggered_at"] <= NOW:
                for kind, value in (
                    ("all", "all"),
                    ("service", row["service_id"]),
                    ("team", "t" if row["service_id"] == "a" else "none"),
                    ("severity", str(row["severity_level"] or "none")),
                ):
                    groups[kind, value, row["measure"], days].append(row)
    found = warehouse.ask(
        "select dimension_kind, dimension_value, measure, window_days, incident_count, "
        "episode_count, measured_count, open_count, unknown_count, is_too_few, p50_seconds, "
        "p90_seconds, geometric_mean_seconds, mean_seconds "
        "from paydown_marts.rpt_incident_durations"
    )
    assert Counter(row[:4] for row in found) == Counter(groups.keys())
    for row in found:
        group = groups[row[:4]]
        known = [r["duration_seconds"] for r in group if r["duration_seconds"] is not None]
        still = sum(r["duration_seconds"] is None and r["is_open"] for r in group)
        assert row[4:10] == (
            len(group),
            sum(not r["is_flap"] for r in group),
            len(known),
            still,
            len(group) - len(known) - still,
            len(known) < MIN_INCIDENTS,
        )
        if not known:
            assert row[10:] == (None,) * 4
            continue
        middle = None
        if not row[2].startswith("business"):
            middle = pytest.approx(geometric_mean([max(s, 1) for s in known]), rel=1e-5)
        assert row[10:] == (
            pytest.approx(percentile(known, 0.5)),
            pytest.approx(percentile(known, 0.9)),
            middle,
            pytest.approx(fmean(known)),
        )
