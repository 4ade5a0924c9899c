"""What an epic, its stories and its changes say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.epics.candidates import Candidate
from orchestration.epics.content import change_body, draft_epic, draft_stories
from orchestration.epics.playbooks import Playbooks, read_playbooks
from orchestration.ledger import EpicRecord, Evidence
from orchestration.trackers.adf import to_adf
from orchestration.trackers.markup import to_html
from orchestration.trackers.protocol import EpicDraft, EpicRef
from orchestration.trackers.wiki import to_wiki
from orchestration.vendors.epic_items import EPIC_KEY

from .decisions import DECIDED, ITEMS, row
from .fake_tracker import NOW

EPIC = EpicRef("paydown-gateway-1-c1", "MOD-1", "https://jira.example/browse/MOD-1")


def candidate(**columns: Any) -> Candidate:
    return Candidate.model_validate(row(**columns) | DECIDED)


def record(c: Candidate) -> EpicRecord:
    found = c.epic("jira")
    found.key, found.ref_id, found.url = EPIC.key, EPIC.id, EPIC.url
    return found


def draft(playbooks: Playbooks | None = None, **columns: Any) -> EpicDraft:
    known, c = read_playbooks() if playbooks is None else playbooks, candidate(**columns)
    return draft_epic(c, known, record(c), NOW)


def epic(**columns: Any) -> str:
    return draft(**columns).body


def stories(playbooks: Playbooks | None = None, **columns: Any) -> tuple[EpicDraft, ...]:
    known, c = read_playbooks() if playbooks is None else playbooks, candidate(**columns)
    return tuple(draft_stories(c, known, record(c), NOW))


def change(said: Evidence | None, **columns: Any) -> list[str]:
    return change_body(candidate(**columns), said).splitlines()


def test_an_epic_says_what_who_when_and_when_it_is_done() -> None:
    lines = epic().splitlines()
    assert lines[0] == (
        "gateway: 2 incidents in the scoring window, 18.2 error budgets spent. It scores 24, +3 in "
        "seven days, which is above the band from which work is planned instead of patched."
    )
    for line in (
        "- **Owner**: group:default/team-edge",
        "- **Due**: 2026-08-10, proven after 2026-09-07",
        "- **Budget**: 5 engineer-days, $4,500",
        "- **Maturity**: bronze to silver (declared silver)",
        "- **Rollout**: by a canary",
        "- **Risk register**: RISK-7",
        "- [ ] Canary deployment",
        # Delivery is one date, proof another: no box asks for weeks that end after the due date.
        "With all boxes ticked it is delivered and at silver: group:default/team-edge closes the "
        "epic in the weekly review. It is proven 28 days later, after 2026-09-07 if it is "
        "delivered when due, unless an incident below repeats. If one comes back afterwards, a "
        "new epic opens and names this one.",
        "| slo burn | 5 | 5 | +2 | peak burn rate 18.2 |",
        "- \\+2 slo_burn: peak burn rate 7 -> peak burn rate 18.2",
        "- 2026-06-20, severity 2, 2 h 20 min, repeat: [Timeouts](<https://x.example/Q1>) "
        "`pagerduty:Q1`",
        "- 2026-06-02, severity not known, still open: servicenow:INC0012345",
        "- Retries pile up `2026-05-01-gateway`",
        "- **config only**: Circuit breaker and timeouts in the mesh; Canary over 48 hours",
        "- **code refactor**: Retries with jittered back-off; Canary over 48 hours",
    ):
        assert line in lines, line
    assert "88% of the weight rests on data" in " ".join(lines)
    assert "group:default/team-edge closes the epic" in " ".join(lines)


def test_an_epic_holds_what_postmortems_say_and_its_success_test() -> None:
    lines = epic(
        window_days=90, repeats=3, repeats_target=1, out_of_hours_count=None,
        out_of_hours_target=None, median_active_seconds=8400.0,
        median_active_seconds_target=6720.0, costed_count=2, cost_usd=389000.0, stated_usd=380000.0,
    ).splitlines()  # fmt: skip
    for line in (
        "- **missing timeout**, in 2 postmortems: client; server",
        "- **human error**",
        "- **Doing nothing**: its incidents cost $389,000 in 90 days, of which $380,000 are stated "
        "and the rest is estimated; as much again in the next if nothing changes",
        "- Retries need a budget `pm-1`",
        "- [ ] Set timeouts: team-edge, due 2026-06-01 (overdue), MOD-7 `pm-1`",
        "- [ ] Alert on retries: nobody named, no date `pm-1`",
        "| Measure | 90 days before | At most |",
        "| Repeats | 3 | 1 |",
        "| Median time active | 2 h 20 min | 1 h 52 min |",
        "5 engineer-days at $900 are $4,500. The estimate is the sum of these postmortems' "
        "estimates, the newest for each kind of failure:",
        "- 5 days by team-edge, for config only, code refactor: Retries pile up `pm-1`",
    ):
        assert line in lines, line
    assert not any("working hours" in line for line in lines)
    assert lines.index(
        "- [ ] Set timeouts: team-edge, due 2026-06-01 (overdue), MOD-7 `pm-1`"
    ) + 1 == (lines.index("- [ ] Alert on retries: nobody named, no date `pm-1`"))


@pytest.mark.parametrize(
    ("service", "label"),
    [
        ("component:default/payments-api", "paydown-service-payments-api"),
        ("uncatalogued:Zahlungen Über", "paydown-service-uncatalogued-zahlungen-uber"),
        # It would be read as the key of an epic.
        ("component:default/deadbeef-c1", "paydown-service_deadbeef-c1"),
        ("component:default/x-deadbeef-c1-y", "paydown-service-x_deadbeef-c1-y"),
    ],
)
def test_all_epics_of_a_service_have_one_label_that_is_no_key(service: str, label: str) -> None:
    drafts = [draft(Playbooks(), service_id=service, cycle_number=cycle) for cycle in (1, 2)]
    assert {known.labels[2:] for known in drafts} == {(label,)}
    assert not EPIC_KEY.search(label)


def test_the_epic_of_a_shared_fix_is_found_by_each_of_its_services() -> None:
    known = draft(Playbooks(), service_id="shared-fix:retries", members="gateway, ledger")
    assert known.labels[2:] == ("paydown-service-gateway", "paydown-service-ledger")
    assert "no infrastructure, licences or contractors" in known.body


def test_what_is_not_known_is_left_out() -> None:
    text = epic(
        items=[],
        slo_burn=None, score_delta=None, risk_ids="", change_window="", slo_chart_url="",
        factor_changes="", incident_links="", postmortem_links="", fix_classes="",
        reasons="mttr: no data for its 3 points", incident_count=0,
    )  # fmt: skip
    assert "| mttr |  | 3 |  | no data |" in text
    for word in (
        "Risk", "Rollout", "SLO", "seven days:", "Postmortems", "None,", "burn", "Lessons",
        "Action items", "contributed", "success test",
    ):  # fmt: skip
        assert word not in text, word
    assert "None in the window." in text
    assert "the owner's first task is to name it" in text


def test_an_epic_after_one_that_did_not_hold_names_it() -> None:
    c = Candidate.model_validate(row() | DECIDED | {"previous_epic_key": "k-before"})
    epic = draft_epic(c, Playbooks(), c.epic("jira"), NOW)
    assert epic.previous_key == "k-before"
    assert "An earlier epic was closed and did not hold: `k-before`" in epic.body


def test_a_draft_carries_what_trackers_map() -> None:
    known = draft(Playbooks(), coverage=None)
    assert known.labels == ("incident-modernization", EPIC.key, "paydown-service-gateway")
    assert known.due_date == date(2026, 8, 10)
    figures = (known.score, known.slo_burn, known.estimate_days, known.budget_usd)
    assert figures == (24, 18.2, 5.0, 4500.0)
    assert (known.risk_ids, known.change_window) == (("RISK-7",), "canary")
    assert len(draft(Playbooks(), service_name="x" * 999).title) <= 250
    with pytest.raises(ValueError, match="no due date"):
        draft(Playbooks(), due_date=None)


def test_text_from_outside_is_only_ever_text() -> None:
    evil = "[a](https://evil.example) <b> {{ 7*7 }} {% raw %}\n# x"
    columns = ("service_name", "owner", "exit_criteria", "reasons", "factor_changes", "members")
    fields = ("source_id", "postmortem_id", "evidence_title", "detail", "assignee", "status")
    items = [
        {"evidence_kind": kind, "url": "javascript:x", "estimate_days": 1.0, "mention_count": 1}
        | dict.fromkeys(fields, evil) | {"occurred_at": datetime(2026, 6, 20, 9, 30)}
        for kind in ("incident", "factor", "lesson", "action", "estimate")
    ]  # fmt: skip
    text = epic(
        **dict.fromkeys(columns, evil), items=items, postmortem_links=f"i\t{evil}\tjavascript:x"
    )
    assert text.count("evil") > 10
    # Only the chart of the SLO, which is a web address, is a link.
    assert str(to_adf(text)).count("'href'") == 1
    assert to_html(text).count("<a ") == 1
    assert "<b>" not in to_html(text)
    assert to_wiki(text).count("|http") == 1
    text = re.sub("`[^`]*`", "", text)
    assert "](https://evil" not in text.replace(r"\]", "")
    assert "<b>" not in text.replace(r"\<", "")
    assert "{{ 7\\*7 }} {% raw %}" in text
    assert "\n# x" not in text
    assert "](<javascript" not in text


def test_a_long_list_of_incidents_is_cut_and_counted() -> None:
    items = [ITEMS[0] | {"source_id": f"q:{n}", "url": f"https://x/{n}"} for n in range(20)]
    text = epic(items=items, incident_count=31)
    assert text.count("](<https://x/") == 10
    assert "21 more in the window" in text


def test_a_shared_fix_names_its_members() -> None:
    columns: dict[str, Any] = {
        "service_name": "Timeouts", "members": "alpha, beta", "shared_fix_id": "timeouts",
    }  # fmt: skip
    shared = draft(service_id="shared-fix:timeouts", **columns)
    assert shared.members == ("alpha", "beta")
    assert "- **Services**: alpha, beta" in shared.body
    assert "Timeouts: one change for 2 services" in shared.body
    (story,) = stories(
        service_id="shared-fix:timeouts", fix_classes="infra_modernization", **columns
    )
    assert 'module "shared-fix-timeouts"' in story.body


def test_a_story_for_each_class_of_fix() -> None:
    config, code = stories()
    assert (config.key, code.key) == (f"{EPIC.key}-config-only", f"{EPIC.key}-code-refactor")
    assert config.title == "gateway: Circuit breaker and timeouts in the mesh"
    assert config.labels == ("incident-modernization", config.key)
    assert config.parent == code.parent == EPIC
    assert config.owner == "group:default/team-edge"
    assert config.due_date == code.due_date == candidate().due_date
    figures = (config.score, config.slo_burn, config.estimate_days, config.budget_usd)
    assert figures == (24, None, None, None)
    text = config.body
    assert "a part of [`paydown-gateway-1-c1`](<https://jira.example/browse/MOD-1>)" in text
    assert "host: gateway.default.svc.cluster.local" in text
    assert "## Canary over 48 hours" in text
    assert "Budget" not in text


def test_a_class_without_a_playbook_still_gets_a_story() -> None:
    (story,) = stories(Playbooks(()), fix_classes="config_only")
    assert story.title == "gateway: config only"
    assert "no playbook for this class" in story.body
    assert "- **config only**: no playbook" in draft(Playbooks(())).body


def test_no_fix_class_no_story() -> None:
    assert stories(fix_classes="") == ()


def test_the_configured_folder_holds_the_playbooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "own.md").write_text(
        "---\ntitle: Our own way\nfix_classes: [config_only]\n---\nAsk {{ owner }}.\n"
    )
    monkeypatch.setenv("PAYDOWN_MODERNIZATION", str(tmp_path))
    (story,) = stories(fix_classes="config_only")
    assert story.title == "gateway: Our own way"
    assert "Ask group:default/team-edge." in story.body
    assert len(read_playbooks(tmp_path).all) == 1


def test_text_of_a_service_never_reaches_a_manifest() -> None:
    (story,) = stories(
        service_id="component:default/x\n  evil: true", fix_classes="config_only",
        owner="team {{ service }}",
    )  # fmt: skip
    assert "  name: x-evil-true\n" in story.body


def test_a_change_says_only_what_changed() -> None:
    said = Evidence(("pagerduty:Q1", "pagerduty:Q0"), 24, "promote_to_epic", 18.2)
    assert change(said, score=27, factor_changes="+3 mttr: slower") == [
        "Score 27, was 24.",
        "",
        "- New incident: servicenow:INC0012345",
        "- No longer in the window: pagerduty:Q0",
        "- \\+3 mttr: slower",
    ]
    assert change(replace(said, score=27), score=27, band="bundle_with_existing")[0] == (
        "Score 27; band bundle with existing, was promote to epic."
    )
    assert change(said, slo_burn=20.25)[0] == "Score 24; 20.2 error budgets spent."
    assert change(None, factor_changes="")[:3] == [
        "Score 24, band promote to epic.",
        "",
        "- New incident: [Timeouts](<https://x.example/Q1>) `pagerduty:Q1`",
    ]


def test_many_new_incidents_are_cut_and_counted() -> None:
    ids = ",".join(f"pagerduty:N{n:02}" for n in range(15))
    lines = change(Evidence((), 24, "promote_to_epic"), incident_ids=ids, factor_changes="")
    assert lines[-1] == "- New incident: 5 more"
    assert sum(line.startswith("- New incident: ") for line in lines) == 11
