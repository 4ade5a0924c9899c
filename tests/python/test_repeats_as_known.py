"""Repeats as they were known at any moment, against a search through all pairs of incidents."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .compiled_models import Warehouse
from .incident_oracle import NOW, episodes, fill_incidents, fingerprints, incidents

pytestmark = pytest.mark.xdist_group("compiled")

# Few days, so that postmortems come at one moment, before and after one another.
KNOWN = st.integers(0, 6).map(lambda days: NOW - timedelta(days=days))
REVIEWS = {
    **dict.fromkeys(("incident_id", "service_id", "failure_mode"), "varchar"),
    **dict.fromkeys(("known_from", "known_until"), "timestamp"),
}
Version = dict[str, Any]


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Version]]:
    """Incidents, and what was known of each from when to when: one to three versions of it."""
    rows = draw(incidents())
    found = []
    for row in rows:
        moments = sorted(set(draw(st.lists(KNOWN, max_size=2))))
        starts: list[datetime | None] = [None, *moments]
        for start, end in zip(starts, [*moments, None], strict=True):
            is_first = start is None
            found.append(
                row
                | {
                    "failure_mode": draw(st.sampled_from((None, "dns", "capacity", "unknown"))),
                    "service_id": row["service_id"] if is_first else draw(st.sampled_from("ab")),
                    "known_from": start,
                    "known_until": end,
                }
            )
    return rows, found


def is_known(version: Version, moment: datetime) -> bool:
    start, end = version["known_from"], version["known_until"]
    return (start is None or start <= moment) and (end is None or moment < end)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=versions(), repeat_days=st.sampled_from((1, 90)))
def test_what_repeats_at_a_moment_equals_a_search_through_what_was_known(
    drawn: tuple[list[dict[str, Any]], list[Version]], repeat_days: int
) -> None:
    rows, told = drawn
    warehouse = Warehouse()
    fill_incidents(warehouse, rows)
    warehouse.fill(
        "int_incidents__reviews", REVIEWS, [tuple(one[name] for name in REVIEWS) for one in told]
    )
    settings_of = {"repeat_window_days": "bigint", "window_days": "bigint"}
    warehouse.fill("stg_modernization__scoring", settings_of, [(repeat_days, 90)])
    for model in (
        "int_incidents__episodes",
        "int_incidents__fingerprint_spells",
        "int_incidents__repeat_spells",
    ):
        warehouse.run(model)

    firsts = episodes(rows)
    real = [one for one in told if firsts[one["incident_id"]] == one["incident_id"]]
    for days in range(-1, 8):
        moment = NOW - timedelta(days=days)
        known = [one for one in real if is_known(one, moment)]
        expected = {
            later["incident_id"]
            for later in known
            for earlier in known
            if (earlier["triggered_at"], earlier["incident_id"])
            < (later["triggered_at"], later["incident_id"])
            and later["triggered_at"] - earlier["triggered_at"] <= timedelta(days=repeat_days)
            and set(fingerprints(earlier)) & set(fingerprints(later))
        }
        found = warehouse.ask(
            "select distinct incident_id from paydown_intermediate.int_incidents__repeat_spells "
            f"where coalesce(known_from <= timestamp '{moment}', true) "
            f"and coalesce(known_until > timestamp '{moment}', true)"
        )
        assert {incident for (incident,) in found} == expected
