"""What incidents and periods burnt of error budgets, against slow Python on random data."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .compiled_models import AS_OF, NewWarehouse, Warehouse

NOW = datetime.fromisoformat(AS_OF)
EPOCH = datetime(1970, 1, 1)
END = int((NOW - EPOCH).total_seconds())
DAY = 86_400
LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

# Within a week of as_of; often at, before or after midnight and on the grid of five minutes.
AGES = st.one_of(
    st.integers(0, 2_000).map(lambda n: n * 300),
    st.integers(0, 6).map(lambda n: n * DAY),
    st.tuples(st.integers(0, 6), st.sampled_from((-301, -300, -1, 1, 299, 300))).map(
        lambda pair: max(pair[0] * DAY + pair[1], 0)
    ),
    st.integers(0, 7 * DAY),
)
RATIOS = st.sampled_from((0.0, 0.5, 1.0)) | st.floats(0, 1)
BUDGETS = (
    "slo_id, service_id, slo_name, indicator_kind, objective_source, objective double, "
    "window_days double, period_seconds double, budget_seconds double"
)
RATES = (
    "slo_id, burn_source, window_seconds bigint, error_ratio double, burn_rate double, "
    "covered_share double, measured_at timestamp"
)
COUNTED = "incident_id, service_id, incident_status"
WINDOWS = "incident_id, service_id, starts_epoch bigint, ends_epoch bigint, down_share double"
# The share of users that incidents hit; of the others nobody knows it.
DOWN = {"i0": 1.0, "i1": 0.25}
# SLO -> kind, objective and days of its period.
SLOS: dict[str, tuple[str | None, float | None, float]] = {
    "up": ("availability", 0.75, 30),
    "short": ("availability", 0.99, 2),
    "late": ("latency", 0.999, 7),
    "all": ("availability", 1.0, 30),
    "unsaid": (None, None, 30),
}
Rate = dict[str, Any]
Piece = tuple[int, int, Rate]


def burn_rate(slo: str, ratio: float) -> float | None:
    objective = SLOS[slo][1]
    return None if objective in (None, 1.0) else ratio / (1 - objective)


def rate(slo: str, source: str, window: int, at: int, ratio: float, share: float | None) -> Rate:
    """One measurement: the share of errors in the window that ends at `at`."""
    return {
        "slo_id": slo,
        "burn_source": source,
        "window_seconds": window,
        "error_ratio": ratio,
        "burn_rate": burn_rate(slo, ratio),
        "covered_share": share,
        "measured_at": EPOCH + timedelta(seconds=at),
        "at": at,
    }


@st.composite
def rates(draw: st.DrawFn) -> list[Rate]:
    """Measurements of the objectives, in runs on a grid and alone, over one or two windows."""
    found: dict[tuple[str, str, int, int], Rate] = {}
    for _ in range(draw(st.integers(0, 6))):
        slo = draw(st.sampled_from(list(SLOS)))
        source = draw(st.sampled_from(("prometheus", "datadog")))
        # A source's windows are the same throughout: a mix is another test's.
        windows = draw(st.sampled_from(((300,), (300, 3600), (3600,), (21_600,), (259_200,))))
        step = draw(st.sampled_from((60, 300, 3600, 100_000)))
        last = END - draw(AGES)
        for n in range(draw(st.integers(1, 12))):
            ratio, share = draw(RATIOS), draw(st.sampled_from((None, 1.0, 0.5)))
            for window in windows:
                at = last - n * step
                found[slo, source, window, at] = rate(slo, source, window, at, ratio, share)
    return list(found.values())


@st.composite
def active_times(draw: st.DrawFn) -> dict[str, list[tuple[int, int]]]:
    """Incident -> when it was active, apart from itself; none where the end isn't known."""
    found = {}
    for n in range(draw(st.integers(1, 5))):
        moments = sorted(END - draw(AGES) for _ in range(2 * draw(st.integers(0, 2))))
        found[f"i{n}"] = list(zip(moments[::2], moments[1::2], strict=True))
    return found


def pieces(measured: list[Rate], slo: str, source: str) -> list[Piece]:
    """Start, end and measurement: from the one before, at most a window back."""
    own = [r for r in measured if (r["slo_id"], r["burn_source"]) == (slo, source)]
    finest = min((r["window_seconds"] for r in own), default=0)
    chosen: dict[int, Rate] = {}
    for one in own:
        if source == "prometheus" and one["window_seconds"] != finest:
            continue
        before = chosen.get(one["at"])
        if before is None or one["window_seconds"] < before["window_seconds"]:
            chosen[one["at"]] = one
    found, previous = [], 0
    for at in sorted(chosen):
        start = max(previous, at - chosen[at]["window_seconds"])
        found.append((start, at, chosen[at]))
        previous = at
    return found


def overlaps(found: list[Piece], stretch: tuple[int, int]) -> list[tuple[float, Rate]]:
    """Seconds that there is data of, of each piece that meets the stretch."""
    both = ((min(end, stretch[1]) - max(start, stretch[0]), rate) for start, end, rate in found)
    return [
        (seconds * (1.0 if rate["covered_share"] is None else rate["covered_share"]), rate)
        for seconds, rate in both
        if seconds > 0
    ]


def best(by_source: dict[str, list[tuple[float, Rate]]]) -> tuple[str, list[tuple[float, Rate]]]:
    """The source that saw most, Prometheus of two that saw as much; nothing where none did."""
    seen = {source: sum(seconds for seconds, _ in found) for source, found in by_source.items()}
    source = max(seen, key=lambda name: (round(seen[name], 6), name))
    return (source, by_source[source]) if seen[source] > 0 else ("", [])


Burnt = tuple[float | None, float | None, float | None]


def burnt(met: list[tuple[float, Rate]]) -> Burnt:
    """Seconds that there is data of, and of these the sums of error ratios and burn rates."""

    def total(name: str) -> float | None:
        values = [rate[name] for _, rate in met]
        return None if None in values else sum(s * v for (s, _), v in zip(met, values, strict=True))

    return sum(seconds for seconds, _ in met), total("error_ratio"), total("burn_rate")


def near(value: float | None, by: float | None = 1) -> Any:
    """Sums are kept to 6 decimals; divided by a minute, that leaves 8."""
    return None if value is None or not by else pytest.approx(value / by, rel=1e-6, abs=1e-8)


def fill(models: Warehouse, measured: list[Rate], active: dict[str, list[tuple[int, int]]]) -> None:
    """What the models of burn refer to."""
    models.fill("dim_services", "service_id, service_name, team_id, owner", [("s", "S", "t", "o")])
    budgets = []
    for slo, (kind, objective, days) in SLOS.items():
        bad = None if objective in (None, 1.0) else (1 - objective) * days * DAY
        budgets.append((slo, "s", slo, kind, "file", objective, days, days * DAY, bad))
    models.fill("int_slo__budgets", BUDGETS, budgets)
    models.fill("int_slo__burn_rates", RATES, measured)
    counted = [(incident, "s", "resolved") for incident in active]
    models.fill("int_incidents__counted", COUNTED, counted)
    windows = [
        (incident, "s", *one, DOWN.get(incident))
        for incident, found in active.items()
        for one in found
    ]
    models.fill("int_slo__incident_windows", WINDOWS, windows)
    models.run("int_slo__pieces")


@LOOSE
@given(measured=rates(), active=active_times())
def test_burn_of_incidents_equals_a_look_at_every_piece(
    warehouse: NewWarehouse, measured: list[Rate], active: dict[str, list[tuple[int, int]]]
) -> None:
    models = warehouse()
    fill(models, measured, active)
    models.run("int_slo__incident_burn", "fct_incident_burn")
    found = models.ask(
        "select incident_id, slo_id, burn_source, is_estimated, active_seconds, covered_seconds, "
        "error_ratio, budget_spent, burn_rate, peak_burn_rate from paydown_marts.fct_incident_burn"
    )
    assert len(found) == len(active) * len(SLOS)
    for incident, slo, *row in found:
        kind, objective, days = SLOS[slo]
        by_source = {
            source: [
                met
                for stretch in active[incident]
                for met in overlaps(
                    [p for p in pieces(measured, slo, source) if p[2]["window_seconds"] <= 3600],
                    stretch,
                )
            ]
            for source in ("prometheus", "datadog")
        }
        source, met = best(by_source)
        seconds = sum(end - start for start, end in active[incident]) if active[incident] else None
        if met:
            covered, bad, spent = burnt(met)
            peaks = [rate["burn_rate"] for _, rate in met if rate["burn_rate"] is not None]
            expected = [
                source, False, seconds, near(covered), near(bad, covered), near(spent, days * DAY),
                near(spent, covered), max(peaks, default=None),
            ]  # fmt: skip
        elif (
            kind == "availability"
            and objective not in (None, 1.0)
            and seconds is not None
            and incident in DOWN
        ):
            burn = DOWN[incident] / (1 - objective)
            spent = near(seconds * burn, days * DAY)
            expected = ["estimated", True, seconds, 0, None, spent, near(burn), None]
        else:
            expected = [None, False, seconds, None if seconds is None else 0, *[None] * 4]
        assert row == expected, (incident, slo)


@LOOSE
@given(measured=rates(), active=active_times())
def test_budget_of_a_period_equals_a_look_at_every_second_that_counts(
    warehouse: NewWarehouse, measured: list[Rate], active: dict[str, list[tuple[int, int]]]
) -> None:
    models = warehouse()
    fill(models, measured, active)
    models.run("rpt_slo_budget")
    found = models.ask(
        "select slo_id, burn_source, is_estimated, covered_share, error_ratio, budget_spent, "
        "budget_remaining from paydown_marts.rpt_slo_budget"
    )
    assert {row[0] for row in found} == set(SLOS)
    for slo, *row in found:
        kind, objective, days = SLOS[slo]
        period = (int(END - days * DAY), END)
        source, met = best(
            {
                source: overlaps(pieces(measured, slo, source), period)
                for source in ("prometheus", "datadog")
            }
        )
        clipped = sorted(
            (max(start, period[0]), end, DOWN[incident])
            for incident, windows in active.items()
            for start, end in windows
            if end > period[0] and incident in DOWN
        )
        if met:
            covered, bad, spent = burnt(met)
            spent = None if spent is None else spent / days / DAY
            expected = [source, False, near(covered, days * DAY), near(bad, covered)]
        elif kind == "availability" and objective not in (None, 1.0) and clipped:
            # Down between two neighbouring moments for whom the worst incident active there hit.
            moments = sorted({moment for one in clipped for moment in one[:2]})
            down = sum(
                (later - earlier)
                * max(
                    (share for start, end, share in clipped if start <= earlier and later <= end),
                    default=0,
                )
                for earlier, later in pairwise(moments)
            )
            spent = down / ((1 - objective) * days * DAY)
            expected = ["estimated", True, None, near(down / days / DAY)]
        else:
            spent, expected = None, [None, False, None, None]
        left = None if spent is None else 1 - spent
        assert row == [*expected, near(spent), near(left)], slo


@LOOSE
@given(measured=rates())
def test_pieces_never_overlap_and_keep_every_second(
    warehouse: NewWarehouse, measured: list[Rate]
) -> None:
    models = warehouse()
    fill(models, measured, {})
    for slo in SLOS:
        for source in ("prometheus", "datadog"):
            found = models.ask(
                "select starts_epoch, ends_epoch, day_number "
                f"from paydown_intermediate.int_slo__pieces where slo_id = '{slo}' "
                f"and burn_source = '{source}' order by starts_epoch"
            )
            expected = pieces(measured, slo, source)
            assert sum(end - start for start, end, _ in found) == sum(
                end - start for start, end, _ in expected
            )
            for (_, end, _), (start, _, _) in pairwise(found):
                assert end <= start
            for start, end, day in found:
                assert day * DAY <= start < end <= (day + 1) * DAY
