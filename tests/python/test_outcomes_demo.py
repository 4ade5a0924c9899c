"""Outcomes on the demo: the article's case, what finance brings, and past days computed again."""

from __future__ import annotations

import pytest

from .dbt_in_process import Dbt
from .flow_helpers import Demo, Site

OUTCOMES = (
    "fct_funnel", "rpt_funnel", "rpt_stalled", "fct_action_items", "rpt_action_items_weekly",
    "rpt_targets_90d", "rpt_plan_30_60_90", "rpt_capacity", "rpt_funding_plan",
    "fct_incident_costs", "rpt_service_costs", "fct_epic_payback", "rpt_payback_by_fix_class",
    "rpt_payback_placebo", "rpt_maturity_moves", "rpt_rubric_backtest",
)  # fmt: skip


def test_the_articles_case_is_inconclusive_and_says_what_would_settle_it(demo: Demo) -> None:
    """Three repeats in six weeks, none in the 45 days that count, MTTR from 140 to 55 minutes."""
    ((case),) = demo.site.query(
        """
        select
            after_days, repeats_before_count, repeats_after_count, repeats_verdict,
            round(repeats_p_low, 3), repeats_quiet_days, verdict, quiet_days, is_final,
            round(mttr_before_seconds / 60), round(mttr_after_seconds / 60), mttr_verdict
        from fct_epic_payback
        where service_name = 'partner-gateway'
        """
    )
    repeats, overall, mttr = case[1:6], case[6:9], case[9:]
    assert case[0] == 45
    assert repeats[:3] == (3, 0, "inconclusive")
    assert 0.05 < repeats[3] < 0.15
    assert 0 < repeats[4] < 90
    assert (overall[0], overall[2]) == ("inconclusive", False)
    assert overall[1] is not None
    assert mttr[1:] == (55, "too few")
    ((mean,),) = demo.site.query(
        """
        select avg(active_seconds) / 60 from fct_incidents
        where service_name = 'partner-gateway' and is_repeat and triggered_at < '2026-04-13'
        """
    )
    assert mean == pytest.approx(140, abs=1)


def test_what_finance_brings_is_judged_and_unknowns_are_reported(demo: Demo) -> None:
    rows = demo.site.query(
        """
        select target_name, verdict, baseline_count, now_count, has_baseline, change_share < 0
        from rpt_targets_90d
        where target_name in ('infrastructure_cost', 'toil_hours')
        order by target_name
        """
    )
    assert rows == [
        ("infrastructure_cost", "too early", 3, 2, True, True),
        ("toil_hours", "met", 12, 12, True, True),
    ]
    unknown = "select source_name, field, word, record_count from rpt_unknown_words"
    assert demo.site.query(unknown) == [("finance", "service", "old-mainframe", 5)]
    # The later export repeats the first quarter, which counts once.
    ((months, dollars),) = demo.site.query(
        """
        select infrastructure_months, infrastructure_usd from rpt_service_costs
        where service_name = 'partner-gateway' and quarter_starts_on = '2026-01-01'
        """
    )
    assert (months, dollars) == (3, pytest.approx(3 * 5400, rel=0.02))


def test_the_rubric_is_judged_by_what_happened_since(demo: Demo) -> None:
    """The guide's table; whoever changes the rubric or the samples changes it."""
    rows = demo.site.query(
        """
        select outcome, scenario, verdict, round(rank_correlation, 2), round(lift, 1)
        from rpt_rubric_backtest
        where changed in ('nothing', 'no rubric') and outcome != 'burn'
        order by outcome, rank_correlation desc
        """
    )
    assert rows == [
        ("dollars", "burn alone", "no difference shown", 0.67, 2.1),
        ("dollars", "as it is", "no difference shown", 0.6, 1.8),
        ("dollars", "incidents counted", "baseline", 0.57, 0.1),
        ("incidents", "incidents counted", "baseline", 0.86, 1.5),
        ("incidents", "burn alone", "worse", 0.48, 1.2),
        ("incidents", "as it is", "worse", 0.46, 1.1),
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_past_day_computed_again_gives_the_same_rows(demo_copy: Site, dbt: Dbt) -> None:
    def built(as_of: str) -> dict[str, list[tuple[object, ...]]]:
        chosen = [f"+{mart}" for mart in OUTCOMES]
        dbt("run", "--select", *chosen, warehouse=demo_copy.warehouse, as_of=as_of)
        return {
            mart: demo_copy.raw(f"select * from paydown_marts.{mart} order by all")
            for mart in OUTCOMES
        }

    past = built("2026-06-10 12:00:00")
    today = built("2026-06-26 16:00:00")
    assert today != past
    again = built("2026-06-10 12:00:00")
    differing = [mart for mart in OUTCOMES if again[mart] != past[mart]]
    assert differing == []
