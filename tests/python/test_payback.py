"""Payback against scipy: shrinkage, trend, negative binomial, intervals, pooled ratio, Welch."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from .compiled_models import AS_OF, NewWarehouse, Warehouse
from .payback_models import INPUTS, MODELS

Count = tuple[int, int]
NOW = datetime.fromisoformat(AS_OF)
BEFORE, AFTER = 90, 60
DELIVERED = NOW - timedelta(days=AFTER + 14)
OPENED = DELIVERED - timedelta(days=30)
BEGINS = (OPENED - timedelta(days=BEFORE), NOW - timedelta(days=AFTER))
COUNTS = st.tuples(st.sampled_from((0, 0, 1, 2)) | st.integers(0, 40), st.integers(0, 40))


def filled(
    new: NewWarehouse,
    counts: list[Count],
    treated: int,
    durations: tuple[list[int], list[int]] = ([], []),
) -> Warehouse:
    """Services with so many episodes before and after; the first `treated` have an epic each.

    `durations` are of the first service's episodes, in order, before and after; else an hour.
    """
    here = new()
    for model, columns in INPUTS.items():
        here.fill(model, columns)
    rows: list[list[Any]] = []
    for n, pair in enumerate(counts):
        for half, begins in enumerate(
            (OPENED - timedelta(days=BEFORE), NOW - timedelta(days=AFTER))
        ):
            for k in range(pair[half]):
                given_seconds = durations[half] if n == 0 else []
                seconds = given_seconds[k] if k < len(given_seconds) else 3600
                at = begins + timedelta(hours=k)
                rows.append([f"{n} {half} {k}", f"s{n}", False, False, 3, False, seconds, at])
    # Somebody else's incident: the records begin long before.
    rows.append(["old", "nobody", False, False, 3, False, 60, NOW - timedelta(days=2000)])
    here.fill("fct_incidents", INPUTS["fct_incidents"], rows)
    here.fill(
        "dim_services",
        INPUTS["dim_services"],
        [[f"s{n}", True] for n in range(len(counts))],
    )
    epics = [
        [f"e{n}", f"e{n}", f"s{n}", None, "local", "epic", None, None, "done", None, False, OPENED,
         DELIVERED, DELIVERED, None]
        for n in range(treated)
    ]  # fmt: skip
    here.fill("fct_epics", INPUTS["fct_epics"], epics)
    here.run(*MODELS)
    return here


def expectation(counts: list[Count], treated: int, n: int) -> tuple[float, float, float]:
    """The gamma posterior's shape, infinite for Poisson, the variance of the trend's logarithm, and
    what service n is expected to have after."""
    before = [pair[0] for pair in counts]
    mean = sum(before) / len(before)
    variance = sum((x - mean) ** 2 for x in before) / (len(before) - 1)

    def posterior(x: int) -> tuple[float, float]:
        if variance - mean <= 1e-9:
            return math.inf, mean / BEFORE
        shape, rate = mean**2 / (variance - mean), mean * BEFORE / (variance - mean)
        return shape + x, (shape + x) / (rate + BEFORE)

    peers = counts[treated:]
    trend = (sum(y for _, y in peers) + 0.5) / (
        sum(posterior(x)[1] * AFTER for x, _ in peers) + 0.5
    )
    expected = sum(posterior(x)[1] * AFTER for x, _ in peers)
    spread = sum((posterior(x)[1] * AFTER) ** 2 / posterior(x)[0] for x, _ in peers)
    shape, rate = posterior(counts[n][0])
    return shape, (expected + spread + 0.5) / (expected + 0.5) ** 2, rate * AFTER * trend


def size_and_mean(counts: list[Count], treated: int, n: int) -> tuple[float, float]:
    """Size and mean of the count after: the trend adds its variance to the rate's."""
    shape, variance, mean = expectation(counts, treated, n)
    return 1 / (1 / shape + variance), mean


def count_of(size: float, mean: float) -> Any:
    """The predictive distribution."""
    return stats.poisson(mean) if math.isinf(size) else stats.nbinom(size, size / (size + mean))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counts=st.lists(COUNTS, min_size=10, max_size=40), treated=st.integers(1, 4))
def test_verdict_expectation_and_interval_are_those_of_scipy(
    warehouse: NewWarehouse, counts: list[Count], treated: int
) -> None:
    here = filled(warehouse, counts, treated)
    rows = here.ask(
        "select verdict, before_count, after_count, expected_count, expected_low, expected_high, "
        "p_low, p_high, significance_level, registered_count, provable_count "
        "from paydown_marts.fct_epic_payback order by epic_id"
    )
    assert len(rows) == treated
    level = 0.05 if len(counts) >= 30 else 0.025
    for n, row in enumerate(rows):
        if not any(x for x, _ in counts):
            assert row[0] == "no comparison"
            continue
        size, mean = size_and_mean(counts, treated, n)
        count, y = count_of(size, mean), counts[n][1]
        low, high = count.cdf(y), count.sf(y - 1)
        assert row[1:3] == counts[n]
        assert row[8] == level
        assert row[3] == pytest.approx(mean, rel=1e-4, abs=1e-5)
        assert row[6:8] == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
        for share, quantile in ((0.1, row[4]), (0.9, row[5])):
            assert count.cdf(quantile) >= share - 1e-4
            assert quantile == 0 or count.cdf(quantile - 1) < share + 1e-4
        if min(abs(low - level), abs(high - level)) > 1e-4:
            wanted = "improved" if low <= level else "worse" if high <= level else "inconclusive"
            assert row[0] == wanted
        registered = count_of(expectation(counts, treated, n)[0], row[9])
        if row[10] is None:
            assert registered.cdf(0) > level - 1e-6
        else:
            assert registered.cdf(row[10]) <= level + 1e-6 < registered.cdf(row[10] + 1) + 2e-6


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counts=st.lists(COUNTS, min_size=30, max_size=34), treated=st.integers(1, 5))
def test_pooled_ratio_has_the_exact_interval(
    warehouse: NewWarehouse, counts: list[Count], treated: int
) -> None:
    here = filled(warehouse, counts, treated)
    pooled = here.ask(
        "select epic_count, after_count, expected_count, ratio_low, ratio_high, verdict "
        "from paydown_marts.rpt_payback_by_fix_class where fix_class = 'unknown'"
    )
    members = [expectation(counts, treated, n) for n in range(treated)]
    if not any(x for x, _ in counts):
        assert pooled == []
        return
    ((epics, after, expected, low, high, verdict),) = pooled
    mean = sum(expected for _, _, expected in members)
    spread = sum(expected**2 / shape for shape, _, expected in members)
    spread += sum(expected * variance**0.5 for _, variance, expected in members) ** 2
    size = mean**2 / spread
    assert (epics, after) == (treated, sum(y for _, y in counts[:treated]))
    assert expected == pytest.approx(mean, rel=1e-4, abs=1e-4)
    # At either end of the interval as few, or as many, have a probability of 5 %.
    if high is not None:
        assert count_of(size, mean * high).cdf(after) == pytest.approx(0.05, abs=2e-4)
    if after and low is not None:
        assert count_of(size, mean * low).sf(after - 1) == pytest.approx(0.05, abs=2e-4)
    if not after:
        assert low == 0
    if low is not None and high is not None:
        assert verdict == ("improved" if high < 1 else "worse" if low > 1 else "inconclusive")


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counts=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=10, max_size=35))
def test_so_many_quiet_days_settle_it_and_one_less_does_not(
    warehouse: NewWarehouse, counts: list[Count]
) -> None:
    here = filled(warehouse, counts, 1)
    ((verdict, days, level),) = here.ask(
        "select verdict, quiet_days, significance_level from paydown_marts.fct_epic_payback"
    )
    if verdict != "inconclusive":
        assert days is None
        return
    size, mean = size_and_mean(counts, 1, 0)

    def p_low(after: float) -> float:
        return float(count_of(size, mean * (AFTER + after) / AFTER).cdf(counts[0][1]))

    if days is None:
        assert p_low(730) > level - 1e-5
    else:
        assert p_low(days) <= level + 1e-5
        assert p_low(days - 1) > level - 1e-5
        if counts[0][1] == 0 and not math.isinf(size):
            # The closed form: (level^(-1/size) - 1) of the days in which `size` would be expected.
            total = (level ** (-1 / size) - 1) * size / (mean / AFTER)
            assert days == pytest.approx(total - AFTER, abs=1.01)


SECONDS = st.lists(st.integers(0, 200_000), min_size=0, max_size=12)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=SECONDS, after=SECONDS)
def test_ratio_of_durations_has_welchs_interval(
    warehouse: NewWarehouse, before: list[int], after: list[int]
) -> None:
    counts = [(len(before), len(after)), *[(1, 1)] * 9]
    here = filled(warehouse, counts, 1, (before, after))
    ((verdict, ratio, low, high),) = here.ask(
        "select mttr_verdict, mttr_ratio, mttr_ratio_low, mttr_ratio_high "
        "from paydown_marts.fct_epic_payback"
    )
    logs = [[math.log(max(seconds, 1)) for seconds in side] for side in (before, after)]
    if not all(logs):
        assert (verdict, ratio) == ("too few", None)
        return
    difference = sum(logs[1]) / len(logs[1]) - sum(logs[0]) / len(logs[0])
    assert ratio == pytest.approx(math.exp(difference), rel=1e-6)
    if min(map(len, logs)) < 5:
        assert (verdict, low, high) == ("too few", None, None)
    elif low is not None:
        found = stats.ttest_ind(logs[1], logs[0], equal_var=False).confidence_interval(0.95)
        assert math.log(low) == pytest.approx(found.low, abs=0.01)
        assert math.log(high) == pytest.approx(found.high, abs=0.01)
        if min(abs(found.low), abs(found.high)) > 0.01:
            wanted = "improved" if found.high < 0 else "worse" if found.low > 0 else "inconclusive"
            assert verdict == wanted
