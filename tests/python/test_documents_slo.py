"""Definitions of objectives: OpenSLO, Sloth's files, Sloth's Kubernetes objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.documents import READERS, Line

OPENSLO = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout-availability
  displayName: Checkout works
  labels: {team: payments}
spec:
  description: Requests that are answered.
  service: checkout
  indicator:
    metadata: {name: good-requests}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: good}}}
        total: {metricSource: {type: Prometheus, spec: {query: total}}}
  timeWindow:
    - duration: 4w
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - targetPercent: 99.9
"""
SLOTH = """\
version: "prometheus/v1"
service: "checkout"
labels: {owner: payments}
slos:
  - name: "requests-availability"
    objective: 99.95
    description: "Answered requests."
    sli:
      events:
        error_query: sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))
        total_query: sum(rate(http_requests_total[{{.window}}]))
    alerting: {name: CheckoutAvailability}
  - name: "requests-quick"
    objective: 99
    labels: {category: latency}
    sli: {raw: {error_ratio_query: x}}
"""
KUBERNETES = """\
apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: {name: checkout, namespace: monitoring}
spec:
  service: checkout
  slos:
    - {name: failures, objective: 99.5, sli: {events: {errorQuery: a, totalQuery: b}}}
"""


def read(folder: Path, text: str) -> list[Line]:
    path = folder / "slo.yaml"
    path.write_text(text, encoding="utf-8")
    return list(READERS["slo"](path))


def records(folder: Path, text: str) -> list[dict[str, Any]]:
    lines = read(folder, text)
    assert [line.reason for line in lines] == [None] * len(lines)
    return [json.loads(line.text) for line in lines]


def problem(folder: Path, text: str) -> Line:
    (line,) = read(folder, text)
    assert line.reason is not None
    return line


def test_openslo(tmp_path: Path) -> None:
    assert records(tmp_path, OPENSLO) == [
        {
            "format": "openslo",
            "service": "checkout",
            "slo": "checkout-availability",
            "names": ["checkout-availability", "checkout-availability-0"],
            "title": "Checkout works",
            "objective": 0.999,
            "window_days": 28,
            "is_rolling": True,
            "indicator_kind": "availability",
            "description": "Requests that are answered.",
            "labels": {"team": "payments"},
        }
    ]


def test_openslo_with_several_objectives_is_one_record_each(tmp_path: Path) -> None:
    several = (
        "  objectives:\n"
        "    - {displayName: fast, op: lte, value: 0.5, target: 0.9}\n"
        "    - {displayName: slow, op: lte, value: 2, target: 1}\n"
    )
    text = OPENSLO.replace("  objectives:\n    - targetPercent: 99.9\n", several)
    found = records(tmp_path, text)
    assert [(one["slo"], one["names"], one["objective"], one["title"]) for one in found] == [
        ("checkout-availability-0", ["checkout-availability-0"], 0.9, "fast"),
        ("checkout-availability-1", ["checkout-availability-1"], 1.0, "slow"),
    ]
    assert [line.line for line in read(tmp_path, text)] == [22, 23]


def test_sloth(tmp_path: Path) -> None:
    first, second = records(tmp_path, SLOTH)
    assert first == {
        "format": "sloth",
        "service": "checkout",
        "slo": "requests-availability",
        "names": ["requests-availability"],
        "title": None,
        "objective": 0.9995,
        "window_days": None,
        "is_rolling": True,
        "indicator_kind": "availability",
        "description": "Answered requests.",
        "labels": {"owner": "payments"},
    }
    assert (second["objective"], second["indicator_kind"]) == (0.99, "latency")
    assert [line.line for line in read(tmp_path, SLOTH)] == [5, 13]


def test_sloth_in_kubernetes_beside_other_documents(tmp_path: Path) -> None:
    text = f"{KUBERNETES}---\n{SLOTH}---\n{OPENSLO}---\napiVersion: openslo/v1\nkind: Service\n"
    found = records(tmp_path, text)
    assert [one["slo"] for one in found] == [
        "failures", "requests-availability", "requests-quick", "checkout-availability",
    ]  # fmt: skip
    assert found[0]["indicator_kind"] == "error_rate"


@pytest.mark.parametrize(
    ("duration", "days"), [("30d", 30), ("12h", 0.5), ("1M", 30.4375), ("1Q", 91.3125), ("1w", 7)]
)
def test_windows(tmp_path: Path, duration: str, days: float) -> None:
    (found,) = records(tmp_path, OPENSLO.replace("4w", duration))
    assert found["window_days"] == days
    (none,) = records(tmp_path, OPENSLO.replace("    - duration: 4w\n      isRolling: true\n", ""))
    assert none["window_days"] is None


@pytest.mark.parametrize(
    ("text", "before", "after", "line", "expected"),
    [
        (OPENSLO, "targetPercent: 99.9", "target: 99.9", 22, "spec.objectives.0.target: 99.9: is "
         "not above 0 and up to 1; fix: write a ratio such as 0.999, or targetPercent: 99.9"),
        (OPENSLO, "targetPercent: 99.9", "targetPercent: 0", 22, "not a percentage above 0"),
        (OPENSLO, "targetPercent: 99.9", "displayName: x", 22, "target: is missing"),
        (OPENSLO, "  service: checkout\n", "", 7, "spec.service: is missing; fix: add the key"),
        (OPENSLO, "  name: checkout-availability\n", "", 3, "metadata.name: is missing"),
        (OPENSLO, "duration: 4w", "duration: 4 weeks", 18, "4 weeks: is not a duration; fix: "
         "write a number and one of h, d, w, M, Q, Y, such as 28d"),
        (OPENSLO, "kind: SLO", "kind: slo", 2, "slo: is not a kind of OpenSLO's; fix: write SLO"),
        (OPENSLO, "openslo/v1", "openslo/v1alpha", 1, "openslo/v1alpha: is not a format of"),
        (SLOTH, "objective: 99.95", 'objective: "99.95"', 6, "slos.0.objective: 99.95: is not a "
         "percentage above 0 and up to 100; fix: write a number such as 99.9"),
        (SLOTH, 'name: "requests-quick"', "name: [a]", 13, "slos.1.name: is not text"),
        (SLOTH, "slos:", "slo:", 1, "slos: is missing; fix: write one `- key: value` entry"),
        (KUBERNETES, "kind: PrometheusServiceLevel", "kind: ServiceLevel", 2, "is not Sloth's"),
        ("- a\n", "", "", 1, "is not a format of objectives that is read"),
        ("version: [", "", "", 1, "is not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, text: str, before: str, after: str, line: int, expected: str
) -> None:
    found = problem(tmp_path, text.replace(before, after) if before else text)
    assert found.reason is not None
    assert expected in found.reason
    assert found.line == line


def test_a_bad_document_costs_no_other_and_keeps_its_text(tmp_path: Path) -> None:
    bad = SLOTH.replace("objective: 99\n", "objective: much\n")
    first, second = read(tmp_path, f"{bad}---\n{KUBERNETES}")
    assert (first.text, first.value) == (bad, "much")
    assert second.reason is None
