"""Postmortems of other templates: what their headings tell, what is left open, and the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.documents import READERS, load_model
from orchestration.documents.imports import Headings, Imported, read_foreign
from orchestration.documents.outline import sections
from orchestration.documents.phrases import contributing_factors
from orchestration.settings import Settings

from .postmortem_helpers import at

HEADINGS = Path(__file__).parents[2] / "modernization" / "headings.yaml"
KNOWN = load_model(HEADINGS, Headings)
# The shape of the SRE book's example.
TABLES = """\
# Ledger postmortem (incident #77)

**Date:** October 21st, 2024

**Authors:** ana, bo

**Status:** Complete, action items in progress

## Impact
About 18% of customers saw errors, $2k of sales lost.

## Root Causes
The pool ran out of connections. There were no load tests for this path. It was a Friday.

## Action Items

| Action Item | Type | Owner | Due | Bug |
| --- | --- | --- | --- | --- |
| Add limits | prevent | ana | 2024-11-01 | [LED-5](https://jira.example.com/browse/LED-5) |
| Load test | prevent | | soon | **TODO** |

## Lessons Learned
### What went well
- Rollback took a minute

## Timeline
2024-10-21 (*all times UTC*)

- 14:51 Deployed
- 14:54 **OUTAGE BEGINS**
"""
# The shape of an incident handbook, as a blog keeps it.
UNDERLINED = """\
---
layout: post
title: "Checkout outage"
date: 2024-03-04
service: payments-api
failure_mode: certificate_expiry
---
Fault
=====
A certificate had expired. Nobody monitored the date; see INC0012345.

Impact
------
30% error rate.

Chronology
----------
- 10:15 - impact started

Corrective actions
------------------
1. [ ] Automate renewal (@team-payments, due 2024-04-01, PAY-12)
2. Add an alert @bo
"""
# The shape of an on-call handbook: labels in tables, bold headings.
LABELS = """\
# Gateway 5xx

<!-- - Owner: nobody -->
**What went wrong**

* The engineer ran the wrong script
* Config on node 3 was different from the others
* Sun spots

## 4. Impact of it

| Services affected | gateway, [auth](https://catalog.example.com/auth) |
| --- | --- |
| Owner | @team-edge |
| Incident | https://acme.pagerduty.com/incidents/PABC123XY |

## Pizza
"""


def read(text: str, name: str = "one") -> Imported:
    return read_foreign(name, text, KNOWN)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        (TABLES, "title", "Ledger postmortem (incident #77)"),
        (TABLES, "status", "Complete, action items in progress"),
        (TABLES, "impact.users_percent", 18),
        (TABLES, "impact.revenue_usd", 2000),
        (TABLES, "impact.started_at", "2024-10-21T14:54:00Z"),
        (TABLES, "contributing_factors.0.factor", "capacity_limit"),
        (TABLES, "contributing_factors.0.note", "The pool ran out of connections."),
        (TABLES, "contributing_factors.1.factor", "missing_tests"),
        (
            TABLES, "action_items",
            [
                {"owner": "ana", "due_date": "2024-11-01", "ref": "LED-5", "title": "Add limits"},
                {"title": "Load test"},
            ],
        ),
        (UNDERLINED, "title", "Checkout outage"),
        (UNDERLINED, "services", ["payments-api"]),
        (UNDERLINED, "incident", ["servicenow:INC0012345"]),
        (UNDERLINED, "failure_mode", "certificate_expiry"),
        (UNDERLINED, "contributing_factors.0.factor", "stale_certificate"),
        (UNDERLINED, "contributing_factors.1.factor", "missing_alert"),
        (UNDERLINED, "action_items.0.title", "Automate renewal"),
        (UNDERLINED, "action_items.0.ref", "PAY-12"),
        (UNDERLINED, "action_items.1.owner", "@bo"),
        (UNDERLINED, "layout", "post"),
        (LABELS, "services", ["gateway", "auth"]),
        (LABELS, "owner", "@team-edge"),
        (LABELS, "incident", ["pagerduty:PABC123XY"]),
        (LABELS, "contributing_factors.0.factor", "human_error"),
        (LABELS, "contributing_factors.1.factor", "config_drift"),
        (LABELS, "contributing_factors.2.note", "Sun spots"),
    ],
)  # fmt: skip
def test_headings_labels_and_tables_fill_the_fields(
    text: str, place: str, expected: object
) -> None:
    assert at(read(text).fields, place) == expected


def test_what_is_not_clear_is_left_open_and_reported(tmp_path: Path) -> None:
    found = read(UNDERLINED)
    assert "impact" not in found.fields
    assert [note.split(":")[0] for note in found.notes] == [
        "impact.started_at", "impact.users_percent",
    ]  # fmt: skip
    assert found.missing == ["impact", "fix_classes", "owner", "decision", "review_date"]
    assert read(TABLES).missing[0] == "incident or services (quarantined without)"
    assert read(LABELS).unknown_headings == ["pizza"]
    broken = read("---\ntitle: [\n---\n## What was the root cause?\nA typo.\n")
    assert "close the quote or bracket" in broken.notes[0]
    assert broken.fields["contributing_factors"] == [{"factor": "human_error", "note": "A typo."}]
    refused = read("# X\n## Services\n- ../../etc\n- pay\n## Impact\nAll of it\n")
    assert (refused.fields["services"], len(refused.notes)) == (["pay"], 1)


@pytest.mark.parametrize("text", [UNDERLINED, LABELS])
def test_what_is_written_is_read_and_the_prose_is_kept(tmp_path: Path, text: str) -> None:
    found = read(text)
    (tmp_path / "one.md").write_text(found.text(["incident: perhaps"]), encoding="utf-8")
    (line,) = READERS["postmortem"](tmp_path / "one.md")
    assert line.reason is None
    assert found.text([]).endswith(text.split("---\n")[-1] if text is UNDERLINED else text)


def test_sections_have_texts_items_and_rows() -> None:
    first, *_, pizza = [one for one in sections(LABELS) if not one.is_label]
    assert (first.title, first.lines, pizza.title) == ("", [], "Pizza")
    (table,) = [one.rows for one in sections(TABLES) if one.rows]
    assert table[0]["bug"] == "LED-5 <https://jira.example.com/browse/LED-5>"


FACTORS = {
    "missing_alert": ["There was no monitoring on the queue", "the alert did not fire",
                      "lack of visibility into lag", "It went unnoticed for hours"],
    "stale_certificate": ["The TLS certificate had expired", "certs expired without notice"],
    "missing_limit": ["We had no CPU limits", "requests were unbounded"],
    "config_drift": ["The node ran a different configuration", "config on node 3 was inconsistent"],
    "config_error": ["a misconfigured proxy", "an invalid setting was shipped"],
    "missing_tests": ["insufficient test coverage", "the change wasn't tested"],
    "capacity_limit": ["The disk filled up", "a traffic spike", "ran out of connections"],
    "human_error": ["an engineer accidentally deleted it", "the wrong command was run",
                    "The operator failed to notice", "a typo in the name"],
    "software_bug": ["a race condition in the cache", "a bug in the parser"],
    "dependency_outage": ["AWS us-east-1 had an outage", "the DNS provider was down"],
    "other": ["alert fired late", "no rollback, tests were fine", "monitoring worked well"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "factor"), [(text, factor) for factor, texts in FACTORS.items() for text in texts]
)
def test_factors_as_people_say_them(text: str, factor: str) -> None:
    assert [one["factor"] for one in contributing_factors(text)] == [factor]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path / "home"))
    for name, text in {
        "2024/ledger.html.md": TABLES, "checkout.markdown": UNDERLINED, "gateway.md.erb": LABELS,
        "rota": "# Rota\nana\n", "README.md": TABLES, ".git/x.md": TABLES, "a.png": "x",
    }.items():  # fmt: skip
        path = tmp_path / "theirs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def said(*command: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["postmortem", *map(str, command)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_folder_is_imported_once_and_nothing_is_lost_without_a_word(home: Path) -> None:
    command = ("import", home / "theirs", "--into", home / "ours")
    assert said(*command, "--dry-run")[0] == 0
    assert not (home / "ours").exists()
    code, text = said(*command)
    names = ["2024-ledger.md", "checkout.md", "gateway.md"]
    assert (code, sorted(path.name for path in (home / "ours").iterdir())) == (0, names)
    for words in ("imported 3", "*.png 1", "README.md 1", "rota (no heading", "pizza 1"):
        assert words in text
    (home / "ours/checkout.md").write_text("mine")
    (home / "theirs/bad.md").write_bytes(b"\x81\xfa")
    (home / "theirs/gone.md").symlink_to("nowhere")
    code, text = said(*command)
    assert (code, (home / "ours/checkout.md").read_text()) == (1, "mine")
    assert all(words in text for words in ("exists already 3", "neither UTF-8 nor", "No such file"))
    assert said("import", home / "nothing")[0] == 1
    missing = said("import", home, "--headings", home / "no.yaml")[1]
    # Lines break where the path is long.
    assert "no.yaml:Nosuchfile" in "".join(missing.split())


def test_incidents_are_proposed_by_service_and_day(home: Path) -> None:
    published = Settings.from_environment().published_database
    published.parent.mkdir(parents=True)
    with duckdb.connect(str(published)) as con:
        con.execute(
            "create table fct_incidents as select * from (values "
            "('pagerduty', 'Q1', '9', 'ledger', timestamp '2024-10-21 14:55:00'), "
            "('pagerduty', 'Q2', '8', 'ledger', timestamp '2024-12-21 14:55:00')) as t "
            "(source_name, source_incident_id, incident_number, service_name, triggered_at)"
        )
    _, text = said("import", home / "theirs", "--into", home / "ours")
    assert "perhaps pagerduty:Q1 (ledger, 2024-10-21 14:55)" in text
    assert "Q2" not in text
    assert "servicenow:INC0012345 is not among the loaded ones" in text
    assert "# incident: perhaps pagerduty:Q1" in (home / "ours/2024-ledger.md").read_text()


def test_check_says_what_is_wrong_and_what_is_open(home: Path) -> None:
    good, bad = home / "good.md", home / "bad.md"
    good.write_text("---\nservices: [a]\nowner: b\nlayout: post\n---\n")
    bad.write_text("---\nservices: [a]\nfailure_mod: x\n---\n")
    code, text = said("check", good)
    assert code == 0
    assert "to fill in: impact, contributing_factors, fix_classes, decision" in text
    assert "layout" in text
    code, text = said("check", good, bad, home / "gone.md")
    assert code == 1
    assert "bad.md:3: failure_mod" in text
    assert "No such file" in text
