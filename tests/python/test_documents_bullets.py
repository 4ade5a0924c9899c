"""The bullet template: what each bullet understands, what it refuses to guess, and any text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.documents import READERS
from orchestration.documents.bullets import MAX_CHARACTERS
from orchestration.documents.strict import FixClass
from orchestration.documents.words import labels, terms

from .postmortem_helpers import HEAD, at, read, record, stated

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
UNTESTED = {"present": True, "has_tests": False}
CHARTS = "SLOs: latency, availability\n- SLO chart: "


def test_the_articles_example_field_by_field(tmp_path: Path) -> None:
    slo = {"target": None, "burn_rate": None, "chart_url": None}
    assert stated(tmp_path, ARTICLE) == {
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


def test_the_template_half_filled_in_is_read(tmp_path: Path) -> None:
    template = TEMPLATE.read_text(encoding="utf-8")
    names = [line.split(":")[0] for line in ARTICLE.splitlines()]
    assert [line.split(":")[0] for line in template.splitlines()][: len(names)] == names
    filled = template.replace("<service, service>", "payments-api")
    assert stated(tmp_path, filled) == {"services": ["payments-api"]}


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
    found = record(tmp_path, f"{heading}\n- Services: a\n")
    assert (found["incident"], found["title"]) == (refs, title)


@pytest.mark.parametrize(
    ("text", "users", "revenue"),
    [
        ("18% sessions, est $420k revenue", 18, 420_000),
        ("40 % of EU traffic", 40, None),
        ("~2.5 percent of all users; $1.2M", 2.5, 1_200_000),
        ("$5k credits, $420,000.50 lost revenue", None, 420_000.5),
        ("error rate 30%, 18% of users", 18, None),
        ("~100%", 100, None),
        ("traffic affected: 40%; P99 latency +300%", 40, None),
        ("0.4% of users, revenue 15 thousand USD", 0.4, 15_000),
        ("checkout was slow", None, None),
        ("none", 0, 0),
        ("no user impact", 0, None),
    ],
)
def test_impact(tmp_path: Path, text: str, users: float | None, revenue: float | None) -> None:
    found = record(tmp_path, f"{HEAD}- Impact: {text}\n")["impact"]
    assert (found["users_percent"], found["revenue_usd"]) == (users, revenue)


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("missing_tests", [("missing_tests", None)]),
        ("Missing tests, missing alert", [("missing_tests", None), ("missing_alert", None)]),
        ("missing tests (retry client)", [("missing_tests", "retry client")]),
        ("other: the moon", [("other", "the moon")]),
        ("no timeout on the ledger call", [("missing_timeout", "no timeout on the ledger call")]),
        ("timeouts were not set", [("missing_timeout", "timeouts were not set")]),
        ("alert fired late", [("other", "alert fired late")]),
        ("no rollback, tests were fine", [("other", "no rollback, tests were fine")]),
        ("expired TLS certificate", [("stale_certificate", "expired TLS certificate")]),
        ("sun spots; config drift", [("other", "sun spots"), ("config_drift", None)]),
        ("none", []),
    ],
)
def test_factors(tmp_path: Path, text: str, factors: list[tuple[str, str | None]]) -> None:
    found = record(tmp_path, f"{HEAD}- Contributing factors: {text}\n")["contributing_factors"]
    assert [(factor["factor"], factor["note"]) for factor in found] == factors


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("Fix class: config-only (e.g., Istio DestinationRule)", "fix_classes", ["config_only"]),
        ("Fix class: process/automation", "fix_classes", ["process_automation"]),
        ("Fix class: AI code cleanup", "fix_classes", ["ai_code_cleanup"]),
        ("Fix class: refactor and new cluster", "fix_classes.1", "infra_modernization"),
        ("Fix class: config_only + magic", "fix_classes", ["config_only"]),
        ("Estimate: 5 engineer-days", "estimate_days", 5),
        ("Estimate: ~2 weeks", "estimate_days", 10),
        ("Estimate: 4h", "estimate_days", 0.5),
        ("Estimate: TBD", "estimate_days", None),
        ("Estimate: <5 engineer-days>", "estimate_days", None),
        ("Window: Feature flags", "required_window", "feature_flags"),
        ("Window: change window on Sunday", "required_window", "maintenance"),
        ("Window: none", "required_window", "none"),
        ("Failure mode: Retry Storm", "failure_mode", "retry_storm"),
        ("Failure mode: upstream requests timed out", "failure_mode", "dependency_failure"),
        ("AI code: yes, no tests", "ai_generated_code", UNTESTED),
        ("AI code: untested", "ai_generated_code", UNTESTED),
        ("AI code: yes, with tests", "ai_generated_code.has_tests", True),
        ("AI code: yes", "ai_generated_code", {"present": True, "has_tests": None}),
        ("AI code: no", "ai_generated_code", {"present": False, "has_tests": None}),
        # Tests of whatever else: the fault read "present".
        ("AI code: no AI code, tests fine", "ai_generated_code.present", False),
        ("AI code: none, all of it tested", "ai_generated_code.present", False),
        ("AI code: no tests", "ai_generated_code", UNTESTED),
        ("Contributing factors: AI-generated client with no tests", "ai_generated_code", UNTESTED),
        ("Regulatory: PCI-DSS, HIPAA", "impact.regulatory", ["PCI", "PHI"]),
        ("Regulatory: none", "impact.regulatory", []),
        ("Impact: 18% of users; PCI scope; no SOX", "impact.regulatory", ["PCI"]),
        ("Impact: 18% of users\n- Regulatory: PCI", "impact.regulatory", ["PCI"]),
        ("Risk: RSK-12; RISK0001234", "risk_ids", ["RSK-12", "RISK0001234"]),
        ("DRI: Ana García", "owner", "Ana García"),
        ("Impact began: 2025-01-10 14:00 UTC", "impact.started_at", "2025-01-10T14:00:00Z"),
        ("Status: Final", "status", "Final"),
        ("Completed: 2025-01-10T14:00:00+02:00", "completed_at", "2025-01-10T12:00:00Z"),
        ("**Title:** Retry storm", "title", "Retry storm"),
        ("Decision: Bundle with existing epic MOD-9", "decision.epic", "MOD-9"),
        ("Decision: not promoted, closed as hygiene", "decision.action", "close"),
        ("Decision: close SEV-2 follow-up, epic AB#77", "decision.epic", "AB#77"),
        ("Decision: promote, from bronze to silver", "decision.target_maturity", "silver"),
        ("Severity: SEV-2", "services", ["payments-api"]),  # a label of their own is prose
        ("SLOs: availability 99.9% breached", "slos.0.target", 0.999),
        ("SLOs: latency SLO 95%", "slos.0.target", 0.95),
        ("SLOs: availability 97%", "slos.0.target", None),
        ("SLOs: error rate 23% breached", "slos.0.target", None),
        (CHARTS + "[chart](https://a.example/d?x=1,2)", "slos.0.chart_url", "https://a.example/d?x=1,2"),
        (CHARTS + "https://a.example/d", "slos.1.chart_url", "https://a.example/d"),
        (CHARTS + "latency https://a.example/1, availability <https://a.example/2>",
         "slos.1.chart_url", "https://a.example/2"),
    ],
)  # fmt: skip
def test_bullets(tmp_path: Path, text: str, place: str, expected: object) -> None:
    assert at(record(tmp_path, f"{HEAD}- {text}\n"), place) == expected


@pytest.mark.parametrize(
    ("bullets", "rates"),
    [
        ("- SLOs: latency P99\n- Burn rate: 14.4x", [("latency", 14.4)]),
        ("- Burn rate: 6\n- SLOs: latency P99", [("latency", 6)]),
        (
            "- SLOs: latency P99, availability\n- Burn rate: availability 6, latency 14.4",
            [("latency", 14.4), ("availability", 6)],
        ),
        # Nobody says which of the two it is, so it is neither's.
        (
            "- SLOs: latency, availability\n- Burn rate: 3x",
            [("latency", None), ("availability", None), (None, 3)],
        ),
        ("- SLOs: latency, burn rate 7x", [("latency", None), (None, 7)]),
        ("- SLOs: none", []),
    ],
)
def test_burn_rates_find_their_objective(
    tmp_path: Path, bullets: str, rates: list[tuple[str | None, float | None]]
) -> None:
    found = record(tmp_path, f"{HEAD}{bullets}\n")
    assert [(slo["type"], slo["burn_rate"]) for slo in found["slos"]] == rates
    assert found["max_burn_rate"] == max((rate for _, rate in rates if rate), default=None)


@pytest.mark.parametrize(
    "text",
    [
        " Add detection (@team-payments, due 2026-03-01, MOD-1); Fix (all) it",
        "\n  - Add detection (team-payments, due: 2026-03-01,\n    MOD-1)\n  * Fix (all) it",
    ],
)
def test_action_items(tmp_path: Path, text: str) -> None:
    first, second = record(tmp_path, f"{HEAD}- Action items:{text}\n")["action_items"]
    assert list(first.values()) == [
        "Add detection",
        "team-payments",
        "2026-03-01",
        "MOD-1",
        None,
        None,
    ]
    assert list(second.values()) == ["Fix (all) it", *[None] * 5]


@pytest.mark.parametrize(
    ("bullet", "line", "field", "words"),
    [
        *(
            (f"- Impact: {text}", 3, "Impact", text.replace(",4", ", 4").split(",")[0])
            for text in (
                "18-20% of users", "120% of users", "-5% of users", "30% error budget burned",
                "error rate 30%", "18% sessions,420k USD", "€420k revenue", "$420k/hour",
                "$420k per day", "$1,5M revenue", "420 EUR", "$lots",
            )
        ),
        ("- Review date: 15.01.2025", 3, "Review date", "YYYY-MM-DD"),
        ("- Completed: yesterday", 3, "Completed", "2026-03-01T16:30:00Z"),
        ("- Decision: discussed at length", 3, "Decision", "promote, bundle or close"),
        ("- Fix class: magic", 3, "Fix class", "config_only"),
        ("- Failure mode: gremlins", 3, "Failure mode", "retry_storm"),
        ("- Window: Tuesday", 3, "Window", "feature_flags"),
        ("- Estimate: 5-8 days", 3, "Estimate", "5 engineer-days"),
        ("- AI code: perhaps", 3, "AI code", "yes, no tests"),
        ("- Regulatory: GDPR", 3, "Regulatory", "PCI, SOX, PHI"),
        ("- SLOs: latency\n- Burn rate: a lot", 4, "Burn rate", "14.4x"),
        ("- Burn rate: saturation 4", 3, "Burn rate", "latency"),
        ("- SLOs: latency\n- SLO chart: javascript:alert(1)", 4, "SLO chart", "web address"),
        ("- Risk: ../../etc", 3, "Risk", "MOD-123"),
        ("- Sevices: x", 3, "Sevices", "write `services:`"),
        ("- Services: b", 3, "Services", "given twice, first on line 2"),
        ("- Action items:\n  - a\n  - b (@x, due soon)", 5, "Action items", "YYYY-MM-DD"),
        ("- Action items: a (x, y, MOD-1)", 3, "Action items", "two values for owner"),
        (f"- Title: {'x' * (MAX_CHARACTERS + 1)}", 3, "Title", "below the bullets"),
        ("- Window: Tuesday\n- Review date: soon", 3, "Window", "line 4: Review date"),
        *(
            (f"- Causal service: {name}", 3, "Causal service", "name")
            for name in (
                "../../etc/passwd", "/etc/passwd", "..", "a/../b", "~/x", "a\\b", "c:/x", "x/",
                "a\u202eb", "x" * 201,
            )
        ),
    ],
)  # fmt: skip
def test_a_problem_names_line_label_and_fix(
    tmp_path: Path, bullet: str, line: int, field: str, words: str
) -> None:
    found = read(tmp_path, HEAD + bullet + "\n")
    assert (found.line, found.field) == (line, field)
    assert words in str(found.reason)
    assert found.text == HEAD + bullet + "\n"


def test_credentials_in_an_address_stay_out_of_the_reason(tmp_path: Path) -> None:
    line = read(tmp_path, HEAD + "- SLO chart: https://ana:hunter2@grafana.example.com/d/1\n")
    assert "what is before the @" in str(line.reason)
    assert "hunter2" not in f"{line.reason} {line.value}"


@pytest.mark.parametrize("name", ["payments-api", "default/payments-api", "Zahlungen (EU)", "a.b"])
def test_a_service_is_kept_as_written(tmp_path: Path, name: str) -> None:
    assert record(tmp_path, f"# Postmortem: 1\n- Services: {name}\n")["services"] == [name]


def test_comments_code_and_prose_are_no_fields(tmp_path: Path) -> None:
    text = (
        "Some words.\n\n# Postmortem: INC1\n<!-- - Owner: nobody\n-->\n```\n- Owner: code\n```\n"
        "- Services: a,\n  b\n- a bullet of prose\n  wrapped\n\n## Timeline\n- Owner: prose\n"
        "- Window: Tuesday\n"
    )
    found = record(tmp_path, text)
    assert (found["services"], found["owner"]) == (["a", "b"], None)
    assert read(tmp_path, text.replace("a,\n", "a, ../b,\n")).line == 9


@pytest.mark.parametrize("text", ["", "\n", "# Notes\n- Services: a\n", "- Services: a\n"])
def test_what_is_no_postmortem_says_how_to_begin_one(tmp_path: Path, text: str) -> None:
    assert "# Postmortem: <incident-id>" in str(read(tmp_path, text).reason)


def test_the_words_cover_the_terms_that_others_know_too() -> None:
    assert set(terms("fix_class")) == set(get_args(FixClass))
    assert set(terms("decision")) == {"promote", "bundle", "close"}
    assert {"missing_tests", "ai_generated_code", "other"} <= set(terms("contributing_factor"))


LABELS = st.sampled_from([*sorted(labels()), "Note"])
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789 .,;:%$€kmx-()@#+/no tests yes MOD due", max_size=60),
)


@given(bullets=st.lists(st.tuples(LABELS, TEXTS), max_size=6), prose=st.text(max_size=40))
def test_any_text_gives_one_record_or_one_problem(
    tmp_path_factory: pytest.TempPathFactory, bullets: list[tuple[str, str]], prose: str
) -> None:
    body = "".join(f"- {label}: {text}\n" for label, text in bullets)
    path = tmp_path_factory.getbasetemp() / "any.md"
    path.write_bytes(f"# Postmortem: INC1\n{body}{prose}".encode("utf-8", "surrogatepass"))
    (line,) = READERS["postmortem"](path)
    assert "fix: " in line.reason if line.reason else json.loads(line.text)["incident"] == ["INC1"]
