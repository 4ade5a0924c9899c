"""The monthly triage pack: what it asks, what it says where nothing is known, and hostile text."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pptx import Presentation

from orchestration.report.triage import MOST_SLIDES, write_triage
from orchestration.settings import SettingsError

from .published_marts import Rows, marts_of

NOW = datetime(2026, 6, 26, 16)
EVIL = (
    "<script>alert(1)</script>|[x](javascript:a) =cmd() @channel \u202etxt\n## Slide\n"
    + "💥" * 40
    + "x" * 10_000
)


def service(number: int, **columns: Any) -> dict[str, list[dict[str, Any]]]:
    """A service with its score, its case and one incident."""
    name = f"svc-{number}"
    whose = {"service_id": name, "team_id": "team-a", "service_name": name, "owner": "team-a"}
    candidate = {
        "lead_service_id": name, "members": "", "band": "promote_to_epic", "decision": "promote",
        "missing_fields": "", "current_maturity": "bronze", "target_maturity": "silver",
        "risk_ids": "RSK-1", "rubric_hash": "hash", "score_rank": number, "score": 24,
        "coverage": 1.0, "slo_burn": 1.5, "estimate_days": 5.0, "day_rate_usd": 1200.0,
        "budget_usd": 6000.0, "incident_count": 5, "due_date": date(2026, 8, 7),
        "scoring_date": NOW.date(),
    }  # fmt: skip
    case = {"window_days": 90, "repeats": 3, "out_of_hours_count": 2, "costed_count": 4,
            "cost_usd": 90000.0, "stated_usd": 60000.0,
            "scoring_date": NOW.date()}  # fmt: skip
    score = {"score_id": name, "score": 24, "lowest_score": 24, "highest_score": 31,
             "rubric_hash": "hash", "is_latest": True, "scoring_at": NOW}  # fmt: skip
    incident = {
        "evidence_id": name, "evidence_kind": "incident", "ordinal": 1, "source_id": f"q:{number}",
        "evidence_title": "Timeouts", "url": "https://x.example/1", "severity_level": 2,
        "duration_seconds": 8400, "status": "resolved", "occurred_at": NOW,
    }  # fmt: skip
    given = {key: value for key, value in columns.items() if key not in ("cost_usd",)}
    cost = {key: value for key, value in columns.items() if key == "cost_usd"}
    return {
        "rpt_promotion_candidates": [whose | candidate | given],
        "rpt_epic_case": [whose | case | cost],
        "fct_service_scores": [whose | score],
        "rpt_epic_evidence": [whose | incident],
        "dim_services": [whose | {"is_catalogued": True}],
    }


def together(*parts: Rows) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in parts:
        for mart, rows in part.items():
            found.setdefault(mart, []).extend(rows)
    return found


def pack(folder: Path, *parts: Rows) -> tuple[str, list[str]]:
    """The page, and the text of each slide of the deck."""
    page, deck = write_triage(marts_of(together(*parts)), folder)
    assert (page.parent, deck.parent) == (folder / "2026-06", folder / "2026-06")
    return page.read_text(encoding="utf-8"), [
        words(slide) for slide in Presentation(str(deck)).slides
    ]


def words(slide: Any) -> str:
    frames = []
    for shape in slide.shapes:
        if shape.has_table:
            frames += [cell.text_frame for row in shape.table.rows for cell in row.cells]
        else:
            frames.append(shape.text_frame)
    return "\n".join(frame.text for frame in frames)


def test_ten_slides_say_what_is_asked_and_every_number_links_to_its_evidence(
    tmp_path: Path,
) -> None:
    page, slides = pack(tmp_path, *(service(n) for n in range(1, 13)))
    assert len(slides) == page.count('class="slide"') == MOST_SLIDES
    assert "To be approved: 10, for $60,000 and 50 engineer-days." in slides[0]
    assert "svc-10" in slides[7]
    assert "svc-11" not in "".join(slides[:8])
    for said in (
        "5 incidents in 90 days, 3 repeats, 2 outside working hours; 150% of an error budget spent",
        "$90,000 in 90 days, of which $60,000 are stated; as much again in the next",
        "$6,000: 5 engineer-days at $1,200; bronze to silver",
        "6 to 12 days after delivery, if all or half of that cost ends",
        "100% of the score rests on data; with what is unknown 24 to 31",
        "approve; team-a, due 2026-08-07",
        "register RSK-1",
    ):
        assert said in slides[3], said
    targets = set(re.findall(r'href="#([\w-]+)"', page))
    evidence = {f"evidence-{n}" for n in range(1, 11)}
    assert targets == evidence | {"slide-3", "slide-9"}
    assert targets <= set(re.findall(r'<section class="\w+" id="([\w-]+)"', page))
    assert '<a href="https://x.example/1">Timeouts</a>' in page
    with ZipFile(tmp_path / "2026-06" / "triage.pptx") as deck:
        links = deck.read("ppt/slides/_rels/slide4.xml.rels").decode()
    assert 'Target="triage.html#evidence-1"' in links


def plan(engineer_days: float, *services: str) -> Rows:
    """Each takes 5 days for $6,000, and is expected to cost $90,000 until the next quarter ends."""
    rows = [
        {
            "candidate_id": name, "service_name": name, "decision": "promote", "plan_rank": number,
            "estimate_days": 5.0, "budget_usd": 6000.0, "cumulative_days": 5.0 * number,
            "expected_cost_usd": 90000.0, "horizon_days": 96.3,
        }
        for number, name in enumerate(services, 1)
    ]  # fmt: skip
    known = {"engineer_days": engineer_days, "committed_days": 3.0, "done_days": 1.0}
    teams = [
        {"team_id": "a", "team_name": "a", "business_days": 65, "open_epic_count": 1} | known,
        {"team_id": "b", "team_name": "b", "business_days": 65, "open_epic_count": 0,
         "committed_days": 0.0, "done_days": 0.0},
    ]  # fmt: skip
    return {"rpt_funding_plan": rows, "rpt_capacity": teams}


# Of 65 engineer-days 18 % are 11.7, 25 % are 16.25.
def test_the_frontier_takes_the_plan_as_far_as_the_days_go(tmp_path: Path) -> None:
    asked = [service(n) for n in range(1, 5)]
    page, slides = pack(tmp_path, plan(65, "svc-1", "svc-2", "svc-3", "svc-4"), *asked)
    cells = slides[-2].split("\n")
    rows = {share: cells[cells.index(share) + 1 :][:5] for share in ("18%", "20%", "25%")}
    assert rows["18%"] == [
        "12", "2, 10 days", "$12,000", "2: svc-3, svc-4", "$180,000 in 96 days",
    ]  # fmt: skip
    assert rows["20%"][1:3] == ["2, 10 days", "$12,000"]
    assert rows["25%"][1:4] == ["3, 15 days", "$18,000", "1: svc-4"]
    assert "of 1 teams this quarter; 1 more have an unknown number of engineers" in slides[-2]
    assert "have taken 4 days" in slides[-2]
    assert '<a href="#evidence-plan">2, 10 days</a>' in page
    assert 'id="evidence-plan"' in page


def test_unknowns_are_reported(tmp_path: Path) -> None:
    unknown = service(1, decision="blocked", missing_fields="owner,budget", estimate_days=None,
                      budget_usd=None, owner="", cost_usd=None, due_date=None)  # fmt: skip
    page, slides = pack(tmp_path, unknown)
    text = "\n".join(slides)
    for said in (
        "its cost is not known", "not known: no estimate", "unknown without cost and budget",
        "name first: owner, budget", "nobody owns it yet", "Unblock 1: svc-1",
        "names no team's engineers", "No epic opened in the last 31 days",
    ):  # fmt: skip
        assert said in text, said
    assert "None" not in text + page.replace("None of", "")


def test_a_month_without_asks_is_a_pack_too(tmp_path: Path) -> None:
    quiet = service(1, decision="close", band="close_as_hygiene")
    _, slides = pack(tmp_path, quiet)
    assert len(slides) == 5
    assert "nothing is asked" in slides[0]


def test_decisions_and_their_returns_are_reported(tmp_path: Path) -> None:
    decision = {
        "decision_id": "d", "candidate_id": "svc-1", "service_name": "svc-1", "cycle_number": 1,
        "decision": "approved", "decided_by": "ann (CTO)", "amount_usd": 6000.0, "is_current": True,
        "commit_sha": "c", "decided_at": datetime(2026, 6, 1),
        "pull_request_url": "https://git.example/pull/7",
    }  # fmt: skip
    epic = {
        "epic_id": "e", "epic_title": "Ledger", "service_name": "ledger", "owner": "a",
        "verdict": "inconclusive", "before_count": 3, "after_count": 0, "expected_count": 1.84,
        "saved_usd": 100.0, "saved_low_usd": -50.0, "saved_high_usd": 900.0, "quiet_days": 40,
        "false_alarm_share": 0.021, "placebo_count": 95, "delivered_at": datetime(2026, 4, 1),
    }  # fmt: skip
    marts = {"fct_funding_decisions": [decision], "fct_epic_payback": [epic]}
    page, slides = pack(tmp_path, service(1), service(2), marts)
    assert "To be approved: 1, for $6,000" in slides[0]
    for said in (
        "svc-1", "2026-06-01", "approved", "ann (CTO)", "3, 0",
        "inconclusive, 40 quiet days would settle it",
        "1.8", "-$50 to $900", '2.1% of 95 comparable dates without any epic "improved"',
    ):  # fmt: skip
        assert said in slides[1], said
    assert "1. svc-1: approved" in slides[3]
    assert "approved for $6,000 already" in slides[3]
    assert '<a href="https://git.example/pull/7">' in page


def test_zombies_are_closed_for_a_reason(tmp_path: Path) -> None:
    epic = {"is_open": True, "is_deleted": False, "service_name": "svc", "epic_key": "k"}
    open_epics = [
        epic | {"epic_id": "1", "epic_title": "Hygiene", "service_id": "svc-1", "owner": "a",
                "opened_at": NOW, "due_date": date(2026, 9, 1)},
        epic | {"epic_id": "2", "epic_title": "Late", "service_id": "svc-2", "owner": "a",
                "opened_at": datetime(2026, 1, 1), "due_date": date(2026, 5, 1)},
        epic | {"epic_id": "3", "epic_title": "Lost", "service_id": "gone", "opened_at": NOW},
        epic | {"epic_id": "4", "epic_title": "Fine", "service_id": "svc-2", "owner": "a",
                "opened_at": NOW, "due_date": date(2026, 9, 1)},
    ]  # fmt: skip
    item = {"action_item_id": "i", "action_item_title": "Old", "postmortem_id": "p", "owner": "b",
            "is_overdue": True, "overdue_days": 31}  # fmt: skip
    marts = {"fct_epics": open_epics, "fct_action_items": [item, item | {"overdue_days": 30}]}
    _, slides = pack(tmp_path, service(1, decision="close"), service(2), marts)
    for said in (
        "Hygiene", "its service scores 24 and is below the bands",
        "Late", "overdue by 56 days, and nothing has changed for 176",
        "Lost", "no service known to paydown is behind it",
        "action item: Old", "overdue by 31 days, and it never got a ticket",
    ):  # fmt: skip
        assert said in slides[-1], said
    assert "Fine" not in slides[-1]
    assert "Close 4 that nobody moves" in slides[0]


def test_text_from_outside_is_text_in_both_files(tmp_path: Path) -> None:
    hostile = dict.fromkeys(("service_name", "owner", "missing_fields", "risk_ids"), EVIL)
    rows = service(1, **hostile, current_maturity=EVIL, slo_chart_url="javascript:a")
    rows["rpt_epic_evidence"][0] |= dict.fromkeys(("evidence_title", "source_id"), EVIL)
    rows["rpt_epic_evidence"][0]["url"] = "javascript:alert(1)"
    page, slides = pack(tmp_path, rows)
    assert len(slides) == 6
    assert page.count("<script") == 0
    assert not re.search(r'href="(?!#evidence-|#slide-|https://)', page)
    assert "\u202e" not in page + "".join(slides)
    with ZipFile(tmp_path / "2026-06" / "triage.pptx") as deck:
        parts = [deck.read(name).decode() for name in deck.namelist() if "slides/_rels" in name]
    targets = re.findall(r'Target="([^"]+)" TargetMode="External"', "".join(parts))
    assert set(targets) == {f"triage.html#{to}" for to in ("evidence-1", "slide-3", "slide-5")}


def test_without_any_score_there_is_nothing_to_decide(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no service has a score yet; `paydown doctor`"):
        write_triage(marts_of({}), tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_the_page_needs_no_network_and_reads_as_headings(tmp_path: Path) -> None:
    page, _ = pack(tmp_path, service(1))
    assert "default-src 'none'" in page
    assert not re.search(r"<(?:script|img|link|iframe)\b|url\(", page)
    titles = re.findall(r"<h2>(\d+)\. ", page)
    assert titles == [str(n) for n in range(1, len(titles) + 1)]
