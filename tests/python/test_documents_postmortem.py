"""Postmortems with YAML front matter, and what holds for both templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.documents import READERS
from orchestration.documents.text import MAX_BYTES

from .postmortem_helpers import at, read, record, stated

FRONT_MATTER = """\
---
# yaml-language-server: $schema=../schemas/postmortem.schema.json
incident: [servicenow:INC0012345, 'pagerduty:Q1ABC2DEF']
title: Retry storm
services: [payments-api, gateway]
causal_service: gateway
failure_mode: Retry storm
slos:
  - {name: latency P99, type: latency, burn_rate: 14.4, chart_url: https://grafana.example.com/d/1}
  - name: availability
    type: Availability
    burn_rate: 6
    chart_url: https://grafana.example.com/d/1
impact: {users_percent: 18, revenue_usd: 420000, regulatory: [PCI]}
contributing_factors:
  - missing circuit-breaker
  - factor: ai_generated_code
    note: AI-generated retry code w/o backoff
  - missing_backoff
fix_classes: [config-only, code_refactor, infra modernization]
estimate_days: 5
required_window: feature flags
ai_generated_code: {present: true, has_tests: no}
commits: [0123456, Org/Payments@1A2B3C4D, "https://git.example.com/org/api/-/commit/89abcdef0"]
owner: '@team-payments EM'
decision: {action: Promote, epic: MOD-123, target_maturity: Silver}
risk_ids: RISK0001234
review_date: 2025-01-15
completed_at: 2025-01-10T15:00:00+01:00
action_items:
  - {title: Add outlier detection, owner: team-payments, due_date: 2025-03-01, ref: MOD-124}
---

# Retry storm
- Owner: prose is not read
"""
BULLETS = """\
# Postmortem: servicenow:INC0012345, pagerduty:Q1ABC2DEF - Retry storm
- Services: payments-api, gateway
- Causal service: gateway
- Failure mode: retry storm
- SLOs: latency P99, availability
- Burn rate: latency 14.4x, availability 6x
- SLO chart: https://grafana.example.com/d/1
- Impact: 18% sessions, est $420k revenue
- Regulatory: PCI
- Contributing factors: missing circuit breaker; AI-generated retry code w/o backoff
- Fix class: Istio config + refactor retry client + Terraform module update
- Estimate: 5 engineer-days
- Window: feature flags
- AI code: yes, no tests
- Linked commits: 0123456; Org/Payments@1A2B3C4D, https://git.example.com/org/api/-/commit/89abcdef0
- Owner/DRI: @team-payments EM
- Decision: Promote epic MOD-123; target Silver maturity
- Risk: RISK0001234
- Review date: 2025-01-15
- Completed: 2025-01-10T14:00:00Z
- Action items: Add outlier detection (team-payments, due 2025-03-01, MOD-124)
"""


def front_matter(keys: str) -> str:
    return f"---\nservices: [a]\n{keys}\n---\n"


def test_front_matter_gives_the_record_of_the_same_bullets(tmp_path: Path) -> None:
    from_front_matter = record(tmp_path, FRONT_MATTER)
    from_bullets = record(tmp_path, BULLETS)
    assert from_front_matter.pop("template") == "front_matter"
    assert from_bullets.pop("template") == "bullets"
    assert from_front_matter == from_bullets
    assert from_front_matter["completed_at"] == "2025-01-10T14:00:00Z"
    assert from_front_matter["max_burn_rate"] == 14.4
    assert from_front_matter["ai_generated_code"] == {"present": True, "has_tests": False}
    assert from_front_matter["commits"] == ["0123456", "org/payments@1a2b3c4d", "org/api@89abcdef0"]


def test_what_is_not_known_is_null_and_every_key_is_there(tmp_path: Path) -> None:
    full = record(tmp_path, FRONT_MATTER)
    bare = record(tmp_path, front_matter("title:\nimpact:\nslos:\ndecision:"))
    assert list(bare) == list(full)
    assert stated(tmp_path, front_matter("title:\nimpact:")) == {"services": ["a"]}


def test_zero_is_not_unknown(tmp_path: Path) -> None:
    keys = "impact: {users_percent: 0, revenue_usd: 0}\nslos: [{burn_rate: 0}]\nestimate_days: 0"
    found = record(tmp_path, front_matter(keys))
    assert (found["max_burn_rate"], found["estimate_days"]) == (0, 0)
    assert (found["impact"]["users_percent"], found["impact"]["revenue_usd"]) == (0, 0)


@pytest.mark.parametrize(
    ("keys", "field", "expected"),
    [
        ("incident: 4711", "incident", ["4711"]),
        ("xyzzy: 1\nlayout: post", "services", ["a"]),
        ("incident: 0012345", "incident", ["0012345"]),
        ("incident: ServiceNow:INC1", "incident", ["servicenow:INC1"]),
        ("incident: [INC1, INC1]", "incident", ["INC1"]),
        ("slos: {target: 99.95}", "slos.0.target", 0.9995),
        ("slos: {target: 0.9995}", "slos.0.target", 0.9995),
        ("ai_generated_code: {present: true}", "ai_generated_code.has_tests", None),
        ("ai_generated_code: {present: no}", "ai_generated_code.present", False),
        ("impact: {regulatory: pci}", "impact.regulatory", ["PCI"]),
        ("impact: 18% of users", "impact.users_percent", 18),
        ("estimate_days: 2 weeks", "estimate_days", 10),
        ("impact: {started_at: 2025-01-10}", "impact.started_at", "2025-01-10T00:00:00Z"),
        ("completed_at: 2025-01-10 14:00:00.999", "completed_at", "2025-01-10T14:00:00Z"),
    ],
)
def test_values(tmp_path: Path, keys: str, field: str, expected: object) -> None:
    assert at(record(tmp_path, front_matter(keys)), field) == expected


@pytest.mark.parametrize(
    ("keys", "line", "field", "value", "words"),
    [
        ("failure_mod: dns", 3, "failure_mod", None, "write failure_mode"),
        ("impact:\n  user_percent: 4", 4, "impact.user_percent", None, "write users_percent"),
        ("slos:\n  - typ: latency", 4, "slos.0.typ", None, "write type"),
        ("slos: [{xyzzy: 1}]", 3, "slos.0.xyzzy", None, "known are burn_rate"),
        ("failure_mode: timout", 3, "failure_mode", "timout", "write timeout"),
        ("failure_mode: gremlins", 3, "failure_mode", "gremlins", "use retry_storm, timeout"),
        ("fix_classes:\n  - config_only\n  - magic", 5, "fix_classes.1", "magic", "code_refactor"),
        ("contributing_factors: [moon]", 3, "contributing_factors.0.factor", "moon", "other"),
        ("impact: {users_percent: 140}", 3, "impact.users_percent", "140", "less than or equal"),
        ("impact: {users_percent: 18%}", 3, "impact.users_percent", "18%", "plain number"),
        ("impact: {revenue_usd: -1}", 3, "impact.revenue_usd", "-1", "larger number"),
        ("impact: {revenue_usd: true}", 3, "impact.revenue_usd", "true", "plain number"),
        ("impact: 18", 3, "impact", "18", "key: value"),
        ("impact: {regulatory: [GDPR]}", 3, "impact.regulatory.0", "GDPR", "PCI, SOX, PHI"),
        ("estimate_days: .inf", 3, "estimate_days", ".inf", "5 engineer-days"),
        ("estimate_days: 1e400", 3, "estimate_days", "1e400", "5 engineer-days"),
        ("review_date: 2025-02-30", 3, "review_date", "2025-02-30", "YYYY-MM-DD"),
        ("completed_at: 0001-01-01T00:00:00+14:00", 3, "completed_at", None, "in UTC"),
        ("incident: jira:MOD-1", 3, "incident.0", "jira:MOD-1", "servicenow:INC0012345"),
        ("incident: ../../etc/passwd", 3, "incident.0", "../../etc/passwd", "servicenow:"),
        ("owner: ../x", 3, "owner", "../x", "looks like a path"),
        ("decision: {epic: 'a b'}", 3, "decision.epic", "a b", "MOD-123"),
        ("decision:\n  target_maturity: platinum", 4, "decision.target_maturity", None, "gold"),
        ("action_items:\n- owner: x", 4, "action_items.0.title", None, "add the key"),
        ("slos: [{chart_url: 'file:///etc'}]", 3, "slos.0.chart_url", "file:///etc", "https://"),
        (f"title: {'x' * 4001}", 3, "title", None, "shorten it"),
        ("title: ''", 3, "title", None, "leave the key empty"),
        (f"risk_ids: {[f'R-{n}' for n in range(501)]}", 3, "risk_ids", None, "shorten the list"),
        ("title: a\ntitle: b", 4, "title", None, "first on line 3"),
        ("title: [", 3, "document", "title: [", "close the quote or bracket"),
    ],
)
def test_a_problem_names_line_field_value_and_fix(
    tmp_path: Path, keys: str, line: int, field: str, value: str | None, words: str
) -> None:
    found = read(tmp_path, front_matter(keys))
    assert (found.line, found.field) == (line, field)
    assert value is None or found.value == value
    assert words in str(found.reason)
    assert found.text == f"---\nservices: [a]\n{keys}\n---\n"


def test_a_postmortem_about_nothing_is_refused(tmp_path: Path) -> None:
    assert "neither an incident nor a service" in str(read(tmp_path, "---\n---\n").reason)
    assert "neither an incident nor a service" in str(read(tmp_path, "# Postmortem:\n").reason)
    assert read(tmp_path, "---\nincident: INC1\n---\n").reason is None


def test_lines_count_from_the_top_of_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "\n\n---\n\nservices: [a]\nowner: [b]\n---\n").line == 6
    line = read(tmp_path, "\n---\nservices: [a]\n")
    assert (line.line, "never closed" in str(line.reason)) == (2, True)


@pytest.mark.parametrize(
    "name", ["README.md", "readme.md", "TEMPLATE.md", "TEMPLATE-front-matter.md", "template.md"]
)
def test_templates_are_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# Postmortem: <incident-id>\n", encoding="utf-8")
    assert list(READERS["postmortem"](tmp_path / name)) == []


@pytest.mark.parametrize(
    ("said", "lessons"),
    [
        (
            "lessons: [Stated, Stated, twice]\n---\n\n## What we learned\n\nProse\n",
            ["Stated", "twice"],
        ),
        (
            "---\n\n## 4. Lessons learned\n\n- One, and a comma\n- Two\n\n## Next\n\nNo\n",
            ["One, and a comma", "Two"],
        ),
        (
            "---\n\n## Lessons learned\n\n- One, and a comma\n- TBD\n\n## Next\n\nNo\n",
            ["One, and a comma"],
        ),
        ("---\n\n## What we learned\n\n" + "word " * 200 + "\n", [("word " * 200)[:500]]),
        ("lessons:\n---\n\n## Lessons from last year's holiday\n\nNo\n", []),
    ],
)
def test_lessons_are_stated_or_stand_below_their_heading(
    tmp_path: Path, said: str, lessons: list[str]
) -> None:
    text = f"---\nincident: INC1\n{said}"
    assert record(tmp_path, text)["lessons"] == lessons


def test_bullets_say_lessons_with_their_commas(tmp_path: Path) -> None:
    text = "# Postmortem: INC1\n- Lessons: retry less, wait more; alert on burn\n"
    assert record(tmp_path, text)["lessons"] == ["retry less, wait more", "alert on burn"]


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfeb", b"x" * (MAX_BYTES + 1), b"\0" * 10]
)
def test_a_file_that_is_no_text_is_one_problem(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "INC1.md"
    path.write_bytes(content)
    (line,) = READERS["postmortem"](path)
    assert "fix: " in str(line.reason)
    assert line.field == "file"
    assert 0 < len(line.text) <= 1000
    assert "\0" not in line.text
