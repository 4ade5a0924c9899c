"""The demo's marts against an independent oracle: every number again from `raw`, 0 differences."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from .flow_helpers import Demo
from .oracle_history import scored_days
from .oracle_incidents import AS_OF, Raw
from .oracle_pages import pages
from .oracle_scores import Known, Oracle

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def oracle(demo: Demo) -> Iterator[Oracle]:
    with duckdb.connect(str(demo.site.home / "warehouse.duckdb"), read_only=True) as con:
        yield Oracle(Raw(con))


def rows(demo: Demo, mart: str, *columns: str) -> dict[Any, tuple[Any, ...]]:
    """A mart's rows by their first column."""
    found = demo.site.query(f"select {', '.join(columns)} from {mart}")
    by_key = {row[0]: tuple(row[1:]) for row in found}
    assert len(by_key) == len(found) > 0
    return by_key


def differences(
    mart: dict[Any, tuple[Any, ...]], expected: dict[Any, tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """What differs: the key, what the mart has, what the oracle has."""

    def is_same(a: Any, b: Any) -> bool:
        if isinstance(a, int | float) and isinstance(b, int | float):
            return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
        return a == b

    found = []
    for key in mart.keys() | expected.keys():
        one, other = mart.get(key), expected.get(key)
        if one is None or other is None or not all(map(is_same, one, other)):
            found.append((key, one, other))
    return sorted(found, key=str)


def known_now(oracle: Oracle) -> dict[str, Known]:
    return {one: oracle.known(one, AS_OF) for one in oracle.counted}


def test_what_counts_and_what_does_not(demo: Demo, oracle: Oracle) -> None:
    mart = rows(demo, "rpt_excluded_incidents", "incident_id", "exclusion_reason", "counted_as_id")
    expected = {
        i.id: (i.excluded, i.counted_as) for i in oracle.records.values() if i.excluded is not None
    }
    assert differences(mart, expected) == []
    assert len(expected) > 100


def test_incidents_durations_episodes_and_repeats(demo: Demo, oracle: Oracle) -> None:
    repeats = oracle.repeats(AS_OF)
    expected = {}
    for known in known_now(oracle).values():
        i, said = known.incident, known.said
        repeat = repeats[i.id]
        acknowledge = i.acknowledged and (i.acknowledged - i.began).total_seconds()
        expected[i.id] = (
            known.service, i.began, i.acknowledged, i.resolved, i.status, i.severity, i.elapsed,
            i.active, acknowledge, i.episode, i.is_flap, None if repeat is None else bool(repeat),
            repeat or None, known.postmortem, said["max_burn_rate"], said["revenue_usd"],
            said["users"], said["ai"],
        )  # fmt: skip
    mart = rows(
        demo, "fct_incidents", "incident_id", "service_id", "triggered_at", "acknowledged_at",
        "resolved_at", "incident_status", "severity_level", "elapsed_seconds", "active_seconds",
        "time_to_acknowledge_seconds", "episode_id", "is_flap", "is_repeat", "repeat_of_id",
        "postmortem_id", "slo_burn_rate", "revenue_impact_usd", "users_share",
        "is_ai_code_without_tests",
    )  # fmt: skip
    assert differences(mart, expected) == []
    assert sum(bool(row[11]) for row in expected.values()) > 100
    assert any(row[10] for row in expected.values())


def test_factors_scores_bands_and_ranks_of_every_day(demo: Demo, oracle: Oracle) -> None:
    days = {
        day for (day,) in demo.site.query("select distinct scoring_date from fct_service_scores")
    }
    assert min(days) == AS_OF.date() - timedelta(days=len(days) - 1)
    expected = scored_days(oracle, len(days))
    mart = rows(
        demo, "fct_service_scores", "score_id", "score", "score_rank", "score_percentile", "band",
        "is_band_held", "incident_count",
    )  # fmt: skip
    scores = {
        f"{service} @ {day}": (
            one.score, one.rank, one.percentile, one.band, one.is_held, one.values["incidents"],
        )
        for (service, day), one in expected.items()
    }  # fmt: skip
    assert differences(mart, scores) == []
    names = ("none", "low", "medium", "high")
    factors = {}
    for (service, day), one in expected.items():
        for factor, (level, points, has_data) in one.points.items():
            level_name = None if level is None else names[level]
            value = one.values[factor]
            factors[f"{service} @ {day} / {factor}"] = (value, level_name, points, has_data)
    found = demo.site.query(
        "select score_id || ' / ' || factor, raw_value, factor_level, points, has_data "
        "from fct_service_score_factors"
    )
    assert differences({key: tuple(rest) for key, *rest in found}, factors) == []


def test_pages(demo: Demo, oracle: Oracle) -> None:
    mart = rows(
        demo, "fct_pages", "page_id", "incident_id", "service_id", "team_id", "page_source",
        "paged_at", "local_at", "page_time", "is_out_of_hours", "is_calendar_assumed",
    )  # fmt: skip
    assert differences(mart, pages(oracle)) == []


def test_burn_of_incidents_and_budgets(demo: Demo, oracle: Oracle) -> None:
    shares = {}
    by_service = defaultdict(list)
    spent = {}
    for known in known_now(oracle).values():
        one, users = known.incident, known.said["users"]
        severe = one.severity is not None and one.severity <= 2
        share = shares[one.id] = users if users is not None else 1.0 if severe else None
        by_service[known.service].append((one, share))
        for key, value in oracle.slo.spent_by(one, known.service, share).items():
            spent[key] = (value,)
    budgets = {key: (one,) for key, one in oracle.slo.budgets(by_service).items()}
    assert differences(rows(demo, "rpt_slo_budget", "slo_id", "budget_spent"), budgets) == []
    mart = rows(demo, "fct_incident_burn", "incident_burn_id", "budget_spent")
    assert differences(mart, spent) == []
    assert sum(one is not None for (one,) in spent.values()) > 10


def test_a_day_of_a_service_is_the_sum_of_what_happened_on_it(demo: Demo, oracle: Oracle) -> None:
    repeats = oracle.repeats(AS_OF)
    counts: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for known in known_now(oracle).values():
        one = counts[known.service, known.incident.began.date()]
        one[0] += 1
        one[1] += bool(repeats[known.incident.id])
        one[2] += int(known.incident.active or 0)
    for _, service, _, _, at, _, _, is_out, _ in pages(oracle).values():
        counts[service, at.date()][4 if is_out else 3] += 1
    mart = demo.site.query(
        "select service_id, service_date, incident_count, coalesce(repeat_count, 0), "
        "coalesce(active_seconds, 0), in_hours_page_count, out_of_hours_page_count "
        "from fct_service_daily"
    )
    found = {(service, day): tuple(rest) for service, day, *rest in mart}
    filled = {key: row for key, row in found.items() if any(row)}
    assert differences(filled, {key: tuple(row) for key, row in counts.items()}) == []
    burnt = demo.site.query(
        "select service_id, service_date, budget_remaining from fct_service_daily "
        "where budget_remaining is not null"
    )
    daily = {
        (service, day): (1 - share,)
        for service, by_day in oracle.slo.daily.items()
        for day, (share, _) in by_day.items()
    }
    assert differences({(s, day): (left,) for s, day, left in burnt}, daily) == []


def test_business_days(demo: Demo) -> None:
    mart = rows(demo, "dim_dates", "calendar_date_id", "is_business_day", "business_day_number")
    calendars = {key.rpartition(" ")[0] for key in mart}
    expected = {}
    for calendar in calendars:
        number, day = 0, date(2026, 1, 1)
        while day < date(2029, 1, 1):
            number += day.isoweekday() <= 5
            expected[f"{calendar} {day}"] = (day.isoweekday() <= 5, number)
            day += timedelta(days=1)
    assert differences(mart, expected) == []
