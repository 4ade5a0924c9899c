"""The rubric's backtest against scipy: Spearman, its interval, the lift, and Meng's test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from .compiled_models import AS_OF, NewWarehouse, Warehouse

SCORED_AT = datetime.fromisoformat(AS_OF) - timedelta(days=90)
INPUTS = {
    "int_scoring__rubric_variants": "scenario, changed, changed_factor, service_id, place integer, "
    "scoring_date date, scoring_at timestamp",
    "fct_incidents": "incident_id, service_id, is_flap boolean, triggered_at timestamp",
    "fct_incident_burn": "incident_id, budget_spent double",
    "fct_incident_costs": "incident_id, cost_usd double",
}
# Place by the rubric, place by the incidents counted, and episodes since.
SERVICE = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(0, 6))


def filled(new: NewWarehouse, services: Sequence[tuple[int, int, int]], begins: int) -> Warehouse:
    """Services with such places, and records that begin so many days before the day."""
    here = new()
    day = SCORED_AT.date() - timedelta(days=1)
    rankings = (("as it is", "nothing"), ("incidents counted", None))
    places = [
        [scenario, changed, None, f"s{n}", service[which], day, SCORED_AT]
        for n, service in enumerate(services)
        for which, (scenario, changed) in enumerate(rankings)
    ]
    here.fill("int_scoring__rubric_variants", INPUTS["int_scoring__rubric_variants"], places)
    rows = [
        [f"{n} {k}", f"s{n}", False, SCORED_AT + timedelta(hours=k)]
        for n, service in enumerate(services)
        for k in range(service[2])
    ]
    rows += [["flap", "s0", True, SCORED_AT], ["late", "s0", False, SCORED_AT + timedelta(days=91)],
             ["old", "s0", False, SCORED_AT - timedelta(days=begins)]]  # fmt: skip
    here.fill("fct_incidents", INPUTS["fct_incidents"], rows)
    here.fill("fct_incident_burn", INPUTS["fct_incident_burn"])
    # The first incident of a service costs 100, nobody knows what the others cost.
    costs = [[name, 100.0] for name, *_ in rows if str(name).endswith(" 0")]
    here.fill("fct_incident_costs", INPUTS["fct_incident_costs"], costs)
    here.run("rpt_rubric_backtest")
    return here


def meng(one: float, other: float, likeness: float, n: int) -> float:
    """Meng, Rosenthal and Rubin (1992), equation 1."""
    square = (one**2 + other**2) / 2
    f = min((1 - likeness) / (2 * (1 - square)), 1)
    h = (1 - f * square) / (1 - square)
    apart = math.atanh(one) - math.atanh(other)
    return apart * math.sqrt((n - 3) / (2 * (1 - likeness) * h))


def expected_top(places: Sequence[int], amounts: Sequence[int]) -> float:
    """What the first five have, on average over all orders of the services that tie."""
    left, total = 5, 0.0
    for place in sorted(set(places)):
        tied = [a for p, a in zip(places, amounts, strict=True) if p == place]
        taken = min(left, len(tied))
        total += taken * sum(tied) / len(tied)
        left -= taken
    return total


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(services=st.lists(SERVICE, min_size=2, max_size=30))
def test_ranks_correlate_as_scipy_says(
    warehouse: NewWarehouse, services: list[tuple[int, int, int]]
) -> None:
    here = filled(warehouse, services, begins=28)
    rows = {
        row[0]: row[1:]
        for row in here.ask(
            "select scenario, verdict, service_count, outcome_total, rank_correlation, "
            "correlation_low, correlation_high, top_share, lift, difference_z "
            "from paydown_marts.rpt_rubric_backtest where outcome = 'incidents'"
        )
    }
    rubric, counted, amounts = zip(*services, strict=True)
    n = len(services)
    assert rows["incidents counted"][0] == "baseline"
    verdict, count, total, found, low, high, share, lift, z = rows["as it is"]
    assert (count, total) == (n, sum(amounts))
    constant = [len(set(values)) == 1 for values in (rubric, counted, amounts)]
    if sum(amounts):
        assert share == pytest.approx(expected_top(rubric, amounts) / sum(amounts))
        assert lift == (pytest.approx(share * n / 5) if n > 5 else None)
    else:
        assert (share, lift) == (None, None)
    if constant[0] or constant[2]:
        assert (found, low, high) == (None, None, None)
        assert verdict == ("no data" if n >= 10 else "too early")
        return
    # Both are places and amounts: the first place should have the most.
    one = -stats.spearmanr(rubric, amounts).statistic
    assert found == pytest.approx(one, abs=1e-9)
    if n > 3 and abs(one) < 0.999:
        margin = stats.norm.ppf(0.975) * math.sqrt((1 + one**2 / 2) / (n - 3))
        assert low == pytest.approx(math.tanh(math.atanh(one) - margin), abs=1e-6)
        assert high == pytest.approx(math.tanh(math.atanh(one) + margin), abs=1e-6)
    if n < 10:
        assert (verdict, z) == ("too early", None)
    elif constant[1]:
        assert (verdict, z) == ("no data", None)
    else:
        other = -stats.spearmanr(counted, amounts).statistic
        likeness = stats.spearmanr(rubric, counted).statistic
        if likeness > 0.99999 or max(abs(one), abs(other)) > 0.99999:
            return
        wanted = meng(one, other, likeness, n)
        assert z == pytest.approx(wanted, abs=1e-6)
        if abs(abs(wanted) - 3) > 1e-6:
            outcome = "better" if wanted > 3 else "worse" if wanted < -3 else "no difference shown"
            assert verdict == outcome


def test_what_is_unknown_is_left_out_and_short_records_are_too_early(
    warehouse: NewWarehouse,
) -> None:
    services = [(n, 12 - n, n % 3) for n in range(12)]
    asked = (
        "select outcome, verdict, service_count, outcome_total from "
        "paydown_marts.rpt_rubric_backtest where scenario = 'as it is' order by outcome"
    )
    # Burn is known of the four that had nothing only; a cost of each, at least in part.
    assert filled(warehouse, services, begins=28).ask(asked) == [
        ("burn", "too early", 4, 0.0),
        ("dollars", "no difference shown", 12, 800.0),
        ("incidents", "no difference shown", 12, 12.0),
    ]
    early = filled(warehouse, services, begins=27).ask(asked)
    assert [row[1] for row in early] == ["too early"] * 3
    assert filled(warehouse, [], begins=28).ask(asked) == []
