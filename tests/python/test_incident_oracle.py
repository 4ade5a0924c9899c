"""Episodes, repeats and chains of incidents, against slow, obvious Python on random data."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .compiled_models import AS_OF, NewWarehouse

Row = dict[str, Any]
NOW = datetime.fromisoformat(AS_OF)
FLAP_GAP = timedelta(minutes=30)  # flap_gap_minutes of dbt_project.yml

# Few values, so that keys meet, and moments at the edges of the gap and of the windows.
SECONDS = st.sampled_from((0, 1, 60, 1799, 1800, 1801, 3600)) | st.integers(0, 200_000)
MOMENTS = st.tuples(st.sampled_from((0, 1, 7, 30, 90, 91, 365)) | st.integers(0, 400), SECONDS).map(
    lambda pair: NOW - timedelta(days=pair[0], seconds=pair[1])
)
COUNTED = (
    "incident_id, source_name, service_id, alert_key, failure_mode, failure_key, title_key, "
    "incident_status, triggered_at timestamp, resolved_at timestamp"
)
REVIEWS = "incident_id, service_id, failure_mode, known_from timestamp, known_until timestamp"
SCORING = "repeat_window_days bigint, window_days bigint"
SPELLS = ("int_incidents__episodes", "int_incidents__fingerprint_spells")


@st.composite
def incidents(draw: st.DrawFn) -> list[Row]:
    """Incidents of few alerts and services, each soon after the beginning or end of another, at
    the edges of the gap and of the repeat windows; some open, some of unknown end."""
    found: list[Row] = []
    pauses = st.sampled_from((0, 1, 1799, 1800, 1801, 86399, 86400, 86401, 90 * 86400))
    for n in range(draw(st.integers(1, 14))):
        triggered = draw(MOMENTS)
        alert = {
            "source_name": draw(st.sampled_from(("pagerduty", "opsgenie"))),
            "service_id": draw(st.sampled_from(("a", "b"))),
            "alert_key": draw(st.sampled_from((None, "cpu", "disk"))),
        }
        if found and draw(st.integers(0, 4)):
            other = draw(st.sampled_from(found))
            if draw(st.booleans()):
                alert = {name: other[name] for name in alert}
            edge = draw(st.sampled_from(("triggered_at", "resolved_at")))
            triggered = (other[edge] or other["triggered_at"]) + timedelta(seconds=draw(pauses))
        triggered = min(triggered, NOW)
        status = draw(st.sampled_from(("resolved", "resolved", "resolved", "open")))
        ended = min(triggered + timedelta(seconds=draw(SECONDS)), NOW)
        is_known = status == "resolved" and draw(st.integers(0, 9)) > 0
        found.append(
            {
                "incident_id": f"i{n}",
                **alert,
                "failure_mode": draw(st.sampled_from((None, "dns", "capacity", "unknown"))),
                "failure_key": draw(st.sampled_from((None, None, "DNS", "Network"))),
                "title_key": draw(st.sampled_from((None, None, "disk full", "checkout slow"))),
                "incident_status": status,
                "triggered_at": triggered,
                "resolved_at": ended if is_known else None,
            }
        )
    return found


def episodes(rows: list[Row]) -> dict[str, str]:
    """Incident -> the first of its episode."""

    def alert(row: Row) -> tuple[str, ...]:
        return row["source_name"], row["service_id"], row["alert_key"]

    found = {row["incident_id"]: row["incident_id"] for row in rows}
    keyed = sorted((row for row in rows if row["alert_key"]), key=alert)
    for _, group in groupby(keyed, alert):
        first, over = "", datetime.min
        for row in sorted(group, key=lambda row: (row["triggered_at"], row["incident_id"])):
            if not first or row["triggered_at"] - over > FLAP_GAP:
                first = row["incident_id"]
            found[row["incident_id"]] = first
            over = max(over, row["resolved_at"] or row["triggered_at"])
    return found


def fingerprints(row: Row) -> list[str]:
    """What failed, the surest first."""
    service, mode = row["service_id"], row["failure_mode"]
    found = [f"{service} / {mode}"] if mode not in (None, "unknown") else []
    found += [f"{service} / alert {row['alert_key']}"] if row["alert_key"] else []
    found += [f"{service} / {row['failure_key'].lower()}"] if row["failure_key"] else []
    found += [f"{service} / title {row['title_key']}"] if row["title_key"] else []
    return list(dict.fromkeys(found))


LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@settings(LOOSE, max_examples=150)
@given(rows=incidents())
def test_episodes_equal_a_walk_through_each_alert(warehouse: NewWarehouse, rows: list[Row]) -> None:
    models = warehouse()
    models.fill("int_incidents__counted", COUNTED, rows)
    models.run("int_incidents__episodes")
    found = models.ask(
        "select incident_id, episode_id, is_flap from paydown_intermediate.int_incidents__episodes"
    )
    assert {incident: episode for incident, episode, _ in found} == episodes(rows)
    assert all(is_flap == (incident != episode) for incident, episode, is_flap in found)


@LOOSE
@given(rows=incidents(), repeat_days=st.sampled_from((1, 1, 90)), window=st.sampled_from((1, 90)))
def test_repeats_and_chains_equal_a_search_through_all_pairs(
    warehouse: NewWarehouse, rows: list[Row], repeat_days: int, window: int
) -> None:
    # Everything was known from the beginning; the next test is of what came to be known later.
    known = [row | {"known_from": None, "known_until": None} for row in rows]
    models = warehouse()
    models.fill("int_incidents__counted", COUNTED, rows)
    models.fill("int_incidents__reviews", REVIEWS, known)
    models.fill("stg_modernization__scoring", SCORING, [(repeat_days, window)])
    models.fill(
        "dim_services",
        "service_id, service_name, team_id, owner",
        [("a", "A", "t", "o"), ("b", "B", None, None)],
    )
    models.run(*SPELLS, "int_incidents__fingerprints", "int_incidents__repeats")
    models.run("rpt_repeat_chains")

    flaps = {incident for incident, first in episodes(rows).items() if incident != first}
    real = sorted(
        (row for row in rows if row["incident_id"] not in flaps),
        key=lambda row: (row["triggered_at"], row["incident_id"]),
    )
    repeats: dict[str, tuple[str, bool, str | None]] = {}
    chains: dict[str, list[tuple[Row, bool]]] = defaultdict(list)
    for place, row in enumerate(real):
        judged: list[tuple[str, bool, str | None]] = []
        for fingerprint in fingerprints(row):
            before = [r for r in real[:place] if fingerprint in fingerprints(r)]
            within = timedelta(days=repeat_days)
            is_repeat = bool(before) and row["triggered_at"] - before[-1]["triggered_at"] < within
            previous = before[-1]["incident_id"] if is_repeat else None
            judged.append((fingerprint, is_repeat, previous))
            chains[fingerprint].append((row, is_repeat))
        if judged:
            repeats[row["incident_id"]] = next((j for j in judged if j[1]), judged[0])
    found = models.ask("from paydown_intermediate.int_incidents__repeats")
    assert {incident: tuple(rest) for incident, *rest in found} == repeats

    start = NOW - timedelta(days=window)
    expected = {}
    for fingerprint, members in chains.items():
        recent = [is_repeat for row, is_repeat in members if row["triggered_at"] > start]
        if any(recent):
            moments = [row["triggered_at"] for row, _ in members]
            expected[fingerprint] = (len(recent), sum(recent), moments[0], moments[-1])
    found = models.ask(
        "select fingerprint, incident_count, repeat_count, first_seen_at, last_seen_at "
        "from paydown_marts.rpt_repeat_chains"
    )
    assert {fingerprint: tuple(rest) for fingerprint, *rest in found} == expected


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Incidents, and what was known of each from when to when: one to three versions of it."""
    # Few days, so that postmortems come at one moment, before and after one another.
    known = st.integers(0, 6).map(lambda days: NOW - timedelta(days=days))
    rows = draw(incidents())
    found = []
    for row in rows:
        moments = sorted(set(draw(st.lists(known, max_size=2))))
        starts: list[datetime | None] = [None, *moments]
        for start, end in zip(starts, [*moments, None], strict=True):
            mode = draw(st.sampled_from((None, "dns", "capacity", "unknown")))
            service = row["service_id"] if start is None else draw(st.sampled_from("ab"))
            reviewed = {"failure_mode": mode, "service_id": service}
            found.append(row | reviewed | {"known_from": start, "known_until": end})
    return rows, found


def is_known(version: Row, moment: datetime) -> bool:
    start, end = version["known_from"], version["known_until"]
    return (start is None or start <= moment) and (end is None or moment < end)


@settings(LOOSE, max_examples=80)
@given(drawn=versions(), repeat_days=st.sampled_from((1, 90)))
def test_what_repeats_at_a_moment_equals_a_search_through_what_was_known(
    warehouse: NewWarehouse, drawn: tuple[list[Row], list[Row]], repeat_days: int
) -> None:
    rows, reviews = drawn
    models = warehouse()
    models.fill("int_incidents__counted", COUNTED, rows)
    models.fill("int_incidents__reviews", REVIEWS, reviews)
    models.fill("stg_modernization__scoring", SCORING, [(repeat_days, 90)])
    models.run(*SPELLS, "int_incidents__repeat_spells")

    firsts = episodes(rows)
    real = [one for one in reviews if firsts[one["incident_id"]] == one["incident_id"]]
    for days in range(-1, 8):
        moment = NOW - timedelta(days=days)
        known = [one for one in real if is_known(one, moment)]
        expected = {
            later["incident_id"]
            for later in known
            for earlier in known
            if (earlier["triggered_at"], earlier["incident_id"])
            < (later["triggered_at"], later["incident_id"])
            and later["triggered_at"] - earlier["triggered_at"] < timedelta(days=repeat_days)
            and set(fingerprints(earlier)) & set(fingerprints(later))
        }
        found = models.ask(
            "select distinct incident_id from paydown_intermediate.int_incidents__repeat_spells "
            f"where coalesce(known_from <= timestamp '{moment}', true) "
            f"and coalesce(known_until > timestamp '{moment}', true)"
        )
        assert {incident for (incident,) in found} == expected
