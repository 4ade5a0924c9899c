"""What each bullet of a postmortem understands, and what it refuses to guess."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from orchestration.documents.strict import FixClass
from orchestration.documents.words import terms

from .postmortem_helpers import HEAD, at, problem, record


def bullet(text: str) -> str:
    """A minimal postmortem with one bullet more."""
    return f"{HEAD}{text}\n"


def ai(*, present: bool, tests: bool | None) -> dict[str, bool | None]:
    return {"present": present, "has_tests": tests}


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
    found = record(tmp_path, bullet(f"- Impact: {text}"))["impact"]
    assert (found["users_percent"], found["revenue_usd"]) == (users, revenue)


@pytest.mark.parametrize(
    "text",
    [
        "18-20% of users",
        "120% of users",
        "-5% of users",
        "30% error budget burned",
        "error rate 30%",
        "18% sessions,420k USD",
        "€420k revenue",
        "$420k/hour",
        "$420k per day",
        "$1,5M revenue",
        "420 EUR",
        "$lots",
    ],
)
def test_an_impact_that_could_be_misread_is_a_problem(tmp_path: Path, text: str) -> None:
    line = problem(tmp_path, bullet(f"- Impact: {text}"))
    assert (line.line, line.field, line.value) == (3, "Impact", text)


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
def test_contributing_factors(
    tmp_path: Path, text: str, factors: list[tuple[str, str | None]]
) -> None:
    found = record(tmp_path, bullet(f"- Contributing factors: {text}"))["contributing_factors"]
    assert [(factor["factor"], factor["note"]) for factor in found] == factors


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("config-only (e.g., Istio DestinationRule)", ["config_only"]),
        ("process/automation", ["process_automation"]),
        ("AI code cleanup", ["ai_code_cleanup"]),
        ("infra modernization and code refactor", ["infra_modernization", "code_refactor"]),
        ("config_only + magic", ["config_only"]),
    ],
)
def test_fix_classes(tmp_path: Path, text: str, classes: list[str]) -> None:
    assert record(tmp_path, bullet(f"- Fix class: {text}"))["fix_classes"] == classes


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("Estimate: 5 engineer-days", "estimate_days", 5),
        ("Estimate: ~2 weeks", "estimate_days", 10),
        ("Estimate: 4h", "estimate_days", 0.5),
        ("Estimate: 1.5", "estimate_days", 1.5),
        ("Estimate: TBD", "estimate_days", None),
        ("Estimate: <5 engineer-days>", "estimate_days", None),
        ("Window: Feature flags", "required_window", "feature_flags"),
        ("Window: change window on Sunday", "required_window", "maintenance"),
        ("Window: none", "required_window", "none"),
        ("Failure mode: Retry Storm", "failure_mode", "retry_storm"),
        ("Failure mode: upstream requests timed out", "failure_mode", "dependency_failure"),
        ("Failure mode: unknown", "failure_mode", "unknown"),
        ("AI code: yes, no tests", "ai_generated_code", ai(present=True, tests=False)),
        ("AI code: untested", "ai_generated_code", ai(present=True, tests=False)),
        ("AI code: yes, with tests", "ai_generated_code", ai(present=True, tests=True)),
        ("AI code: yes", "ai_generated_code", ai(present=True, tests=None)),
        ("AI code: no", "ai_generated_code", ai(present=False, tests=None)),
        (
            "Contributing factors: AI-generated client with no tests",
            "ai_generated_code",
            ai(present=True, tests=False),
        ),
        ("Regulatory: PCI-DSS, HIPAA", "impact.regulatory", ["PCI", "PHI"]),
        ("Regulatory: none", "impact.regulatory", []),
        ("Impact: 18% of users; PCI scope; no SOX", "impact.regulatory", ["PCI"]),
        ("Risk: RSK-12; RISK0001234", "risk_ids", ["RSK-12", "RISK0001234"]),
        ("DRI: Ana García", "owner", "Ana García"),
        ("Impact began: 2025-01-10 14:00 UTC", "impact.started_at", "2025-01-10T14:00:00Z"),
        ("Completed: 2025-01-10", "completed_at", "2025-01-10T00:00:00Z"),
        ("Completed: 2025-01-10 14:00 UTC", "completed_at", "2025-01-10T14:00:00Z"),
        ("Completed: 2025-01-10T14:00:00+02:00", "completed_at", "2025-01-10T12:00:00Z"),
        ("**Title:** Retry storm", "title", "Retry storm"),
        ("Decision: Bundle with existing epic MOD-9", "decision.epic", "MOD-9"),
        ("Decision: not promoted, closed as hygiene", "decision.action", "close"),
        ("Decision: close SEV-2 follow-up, epic AB#77", "decision.epic", "AB#77"),
        ("Decision: promote, from bronze to silver", "decision.target_maturity", "silver"),
        ("Decision: TBD", "decision", None),
        ("Severity: SEV-2", "services", ["payments-api"]),  # a label of their own is prose
    ],
)
def test_optional_bullets(tmp_path: Path, text: str, field: str, expected: object) -> None:
    assert at(record(tmp_path, bullet(f"- {text}")), field) == expected


@pytest.mark.parametrize(
    ("bullets", "rates", "highest"),
    [
        ("- SLOs: latency P99\n- Burn rate: 14.4x", [("latency", 14.4)], 14.4),
        ("- Burn rate: 6\n- SLOs: latency P99", [("latency", 6)], 6),
        (
            "- SLOs: latency P99, availability\n- Burn rate: availability 6, latency 14.4",
            [("latency", 14.4), ("availability", 6)],
            14.4,
        ),
        # Nobody says which of the two it is, so it is neither's.
        (
            "- SLOs: latency, availability\n- Burn rate: 3x",
            [("latency", None), ("availability", None), (None, 3)],
            3,
        ),
        ("- SLOs: latency, burn rate 7x", [("latency", None), (None, 7)], 7),
        ("- SLOs: none", [], None),
    ],
)
def test_burn_rates_find_their_objective(
    tmp_path: Path, bullets: str, rates: list[tuple[str | None, float | None]], highest: float
) -> None:
    found = record(tmp_path, bullet(bullets))
    assert [(slo["type"], slo["burn_rate"]) for slo in found["slos"]] == rates
    assert found["max_burn_rate"] == highest


def test_a_target_is_read_only_where_it_is_called_one(tmp_path: Path) -> None:
    text = "availability 99.9% breached, latency SLO 95%, availability 97%, error rate 23% breached"
    slos = record(tmp_path, bullet(f"- SLOs: {text}"))["slos"]
    assert [slo["target"] for slo in slos] == [0.999, 0.95, None, None]


def test_charts(tmp_path: Path) -> None:
    slos = "- SLOs: latency, availability\n- SLO chart: "
    one = record(tmp_path, HEAD + slos + "[chart](https://grafana.example.com/d/a?x=1,2)")["slos"]
    assert {slo["chart_url"] for slo in one} == {"https://grafana.example.com/d/a?x=1,2"}
    two = record(
        tmp_path, HEAD + slos + "latency https://a.example/1, availability <https://a.example/2>"
    )
    assert [slo["chart_url"] for slo in two["slos"]] == [
        "https://a.example/1",
        "https://a.example/2",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "- Action items: Add outlier detection (@team-payments, due 2026-03-01, MOD-1); "
        "Fix (all) it",
        "- Action items:\n  - Add outlier detection (team-payments, due: 2026-03-01,\n    MOD-1)\n"
        "  * Fix (all) it",
    ],
)
def test_action_items(tmp_path: Path, text: str) -> None:
    assert record(tmp_path, bullet(text))["action_items"] == [
        {
            "title": "Add outlier detection",
            "owner": "team-payments",
            "due_date": "2026-03-01",
            "ref": "MOD-1",
        },
        {"title": "Fix (all) it", "owner": None, "due_date": None, "ref": None},
    ]


def test_the_words_cover_the_terms_that_others_know_too() -> None:
    assert set(terms("fix_class")) == set(get_args(FixClass))
    assert set(terms("decision")) == {"promote", "bundle", "close"}
    assert {"missing_tests", "ai_generated_code", "other"} <= set(terms("contributing_factor"))
