"""The bullet template: its example, its structure, its problems, and any text at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.documents import READERS
from orchestration.documents.bullets import MAX_CHARACTERS
from orchestration.documents.words import labels

from .postmortem_helpers import HEAD, problem, read

# The article's template, to the letter.
ARTICLE = """\
# Postmortem: <incident-id>
- Services: payments-api, gateway
- SLOs: latency P99 breached (3h), error rate 5xx 2.3%
- Impact: 18% sessions, est $420k revenue
- Contributing factors: missing circuit breaker; AI-generated retry code w/o backoff
- Fix class: Istio config + refactor retry client + Terraform module update
- Owner/DRI: @team-payments EM
- Decision: Promote epic MOD-123; target Silver maturity
- Review date: 2025-01-15
"""
TEMPLATE = Path(__file__).parents[2] / "modernization" / "postmortems" / "TEMPLATE.md"


def test_the_articles_example_field_by_field(tmp_path: Path) -> None:
    line = read(tmp_path, ARTICLE)
    assert line.reason is None
    slo = {"target": None, "burn_rate": None, "chart_url": None}
    assert {k: v for k, v in json.loads(line.text).items() if v not in (None, [])} == {
        "postmortem_id": "INC0012345",
        "template": "bullets",
        # The placeholder of the template names no incident.
        "services": ["payments-api", "gateway"],
        "slos": [
            slo | {"name": "latency P99 breached (3h)", "type": "latency"},
            slo | {"name": "error rate 5xx 2.3%", "type": "error_rate"},
        ],
        "impact": {
            "started_at": None,
            "users_percent": 18,
            "revenue_usd": 420_000,
            "regulatory": [],
        },
        "contributing_factors": [
            {"factor": "missing_circuit_breaker", "note": None},
            {"factor": "ai_generated_code", "note": "AI-generated retry code w/o backoff"},
            {"factor": "missing_backoff", "note": None},
        ],
        "fix_classes": ["config_only", "code_refactor", "infra_modernization"],
        "owner": "team-payments",
        "decision": {"action": "promote", "epic": "MOD-123", "target_maturity": "silver"},
        "review_date": "2025-01-15",
    }


@pytest.mark.parametrize(
    ("heading", "refs", "title"),
    [
        ("# Postmortem: servicenow:INC0012345", ["servicenow:INC0012345"], None),
        ("# Post-mortem: Q1ABC2DEF, INC0012345", ["Q1ABC2DEF", "INC0012345"], None),
        ("# Postmortem: #4711 - Gateway retry storm", ["4711"], "Gateway retry storm"),
        ("# postmortem: PagerDuty: Q1ABC2DEF", ["pagerduty:Q1ABC2DEF"], None),
        ("# Postmortem:", [], None),
    ],
)
def test_headings(tmp_path: Path, heading: str, refs: list[str], title: str | None) -> None:
    line = read(tmp_path, f"{heading}\n- Services: a\n")
    found = json.loads(line.text)
    assert (found["incident"], found["title"]) == (refs, title)


@pytest.mark.parametrize(
    ("bullet", "line", "field", "words"),
    [
        ("- Review date: 15.01.2025", 3, "Review date", "YYYY-MM-DD"),
        ("- Completed: yesterday", 3, "Completed", "2026-03-01T16:30:00Z"),
        ("- Decision: discussed at length", 3, "Decision", "promote, bundle or close"),
        ("- Fix class: magic", 3, "Fix class", "config_only"),
        ("- Failure mode: gremlins", 3, "Failure mode", "retry_storm"),
        ("- Window: Tuesday", 3, "Window", "feature_flags"),
        ("- Estimate: 5-8 days", 3, "Estimate", "5 engineer-days"),
        ("- AI code: perhaps", 3, "AI code", "yes, no tests"),
        ("- Burn rate: a lot", 3, "Burn rate", "14.4x"),
        ("- Burn rate: saturation 4", 3, "Burn rate", "latency"),
        ("- SLO chart: javascript:alert(1)", 3, "SLO chart", "web address"),
        ("- Risk: ../../etc", 3, "Risk", "MOD-123"),
        ("- Sevices: x", 3, "Sevices", "write `services:`"),
        ("- Services: b", 3, "Services", "given twice, first on line 2"),
        ("- Action items:\n  - a\n  - b (@x, due soon)", 5, "Action items", "YYYY-MM-DD"),
        ("- Action items: a (x, y, MOD-1)", 3, "Action items", "two things for owner"),
        (f"- Title: {'x' * (MAX_CHARACTERS + 1)}", 3, "Title", "below the bullets"),
    ],
)
def test_a_problem_names_line_label_and_fix(
    tmp_path: Path, bullet: str, line: int, field: str, words: str
) -> None:
    found = problem(tmp_path, HEAD + bullet + "\n")
    assert (found.line, found.field) == (line, field)
    assert words in str(found.reason)
    assert found.text == HEAD + bullet + "\n"


def test_every_problem_is_named_on_the_one_line(tmp_path: Path) -> None:
    line = problem(tmp_path, HEAD + "- Window: Tuesday\n- Services: b\n- Review date: soon" + "\n")
    assert line.line == 3
    assert "line 4: Services" in str(line.reason)
    assert "line 5: Review date" in str(line.reason)


def test_credentials_in_an_address_stay_out_of_the_reason(tmp_path: Path) -> None:
    line = problem(
        tmp_path, HEAD + "- SLO chart: https://ana:hunter2@grafana.example.com/d/1" + "\n"
    )
    assert "hunter2" not in f"{line.reason} {line.value}"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        "a/../b",
        "~/x",
        "a\\b",
        "c:/x",
        "a\u202eb",
        "x" * 201,
    ],
)
def test_a_service_that_looks_like_a_path_is_refused(tmp_path: Path, name: str) -> None:
    line = read(tmp_path, f"# Postmortem: INC1\n- Services: payments-api, {name}\n")
    assert (line.line, line.field) == (2, "Services")
    assert "payments-api" in str(line.reason) or "name" in str(line.reason)


@pytest.mark.parametrize("name", ["payments-api", "default/payments-api", "Zahlungen (EU)", "a.b"])
def test_a_service_is_kept_as_written(tmp_path: Path, name: str) -> None:
    assert json.loads(read(tmp_path, f"# Postmortem: 1\n- Services: {name}\n").text)[
        "services"
    ] == [name]


def test_comments_code_and_prose_are_no_fields(tmp_path: Path) -> None:
    text = (
        "Some words.\n\n# Postmortem: INC1\n<!-- - Owner: nobody\n-->\n```\n- Owner: code\n```\n"
        "- Services: a,\n  b\n- a bullet of prose\n  wrapped\n\n## Timeline\n- Owner: prose\n"
    )
    line = read(tmp_path, text + "- Window: Tuesday\n")
    found = json.loads(line.text)
    assert (found["services"], found["owner"]) == (["a", "b"], None)
    assert read(tmp_path, text.replace("a,\n", "a, ../b,\n")).line == 9


def test_the_template_half_filled_in_is_read(tmp_path: Path) -> None:
    template = TEMPLATE.read_text(encoding="utf-8")
    labels = [line.split(":")[0] for line in ARTICLE.splitlines()]
    assert [line.split(":")[0] for line in template.splitlines()][: len(labels)] == labels
    filled = template.replace("<service, service>", "payments-api")
    found = json.loads(read(tmp_path, filled).text)
    assert {key: value for key, value in found.items() if value not in (None, [])} == {
        "postmortem_id": "INC0012345",
        "template": "bullets",
        "services": ["payments-api"],
    }


@pytest.mark.parametrize("text", ["", "\n", "# Notes\n- Services: a\n", "- Services: a\n"])
def test_what_is_no_postmortem_says_how_to_begin_one(tmp_path: Path, text: str) -> None:
    line = read(tmp_path, text)
    assert "# Postmortem: <incident-id>" in str(line.reason)


LABELS = st.sampled_from([*sorted(labels()), "Note"])
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789 .,;:%$€kmx-()@#+/no tests yes MOD due", max_size=60),
)


@given(bullets=st.lists(st.tuples(LABELS, TEXTS), max_size=6), prose=st.text(max_size=40))
def test_any_text_gives_one_record_or_one_problem(
    tmp_path_factory: pytest.TempPathFactory, bullets: list[tuple[str, str]], prose: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    body = "".join(f"- {label}: {text}\n" for label, text in bullets)
    path = folder / "any.md"
    path.write_bytes(f"# Postmortem: INC1\n{body}{prose}".encode("utf-8", "surrogatepass"))
    (line,) = READERS["postmortem"](path)
    if line.reason is None:
        assert json.loads(line.text)["postmortem_id"] == "any"
    else:
        assert "fix: " in line.reason
