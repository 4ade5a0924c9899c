"""The contracts of objectives: OpenSLO, Sloth's files, Sloth's Kubernetes objects, and mistakes."""

from __future__ import annotations

from pathlib import Path

from orchestration.configuration import READERS

from .loader_helpers import Landing, project_streams

STREAMS = [one for one in project_streams() if one["source_name"] == "slo"]
OPENSLO = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout-availability
  displayName: Checkout works
  labels: {category: availability}
spec:
  description: Requests that are answered.
  service: checkout
  indicator: {spec: {ratioMetric: {counter: true}}}
  timeWindow:
    - duration: 4w
      isRolling: true
  objectives:
    - targetPercent: 99.9
"""
SLOTH = """\
version: "prometheus/v1"
service: "checkout"
labels: {owner: payments, sli: shared}
slos:
  - name: "requests-availability"
    objective: 99.95
    description: "Answered requests."
    sli: {events: {error_query: 'rate(x{code=~"5.."}[{{.window}}])'}}
  - name: "requests-quick"
    objective: 99
    labels: {sli: latency}
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
OTHER = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: checkout}\n"


def test_every_format_has_its_documents_and_entries(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.write("slos/all.yaml", "---\n".join([OPENSLO, SLOTH, KUBERNETES, OTHER]),
                  root="modernization")  # fmt: skip
    report = landing.load(*STREAMS, readers=READERS)
    assert (report.rejected, report.rows_quarantined) == ([], 0)
    documents = landing.query(
        "select format, kind, service, duration, second_objective is not null as several "
        "from raw.slo__documents order by _line"
    )
    assert [tuple(row.values()) for row in documents] == [
        ("openslo/v1", "SLO", "checkout", "4w", False),
        ("prometheus/v1", None, "checkout", None, True),
        ("sloth.slok.dev/v1", "PrometheusServiceLevel", "checkout", None, False),
        ("openslo/v1", "Service", None, None, False),
    ]
    entries = landing.query(
        "select ordinal, name, target_percent, label_sli, label_category "
        "from raw.slo__entries order by _line, ordinal"
    )
    assert [tuple(row.values()) for row in entries] == [
        (0, None, 99.9, None, "availability"),
        (0, "requests-availability", 99.95, "shared", None),
        (1, "requests-quick", 99, "latency", None),
        (0, "failures", 99.5, None, None),
    ]


# What is replaced by what in which document, the field at fault, and words of the reason.
MISTAKES = [
    (OPENSLO, "targetPercent: 99.9", "target: 99.9", "target", "write a ratio such as 0.999"),
    (OPENSLO, "targetPercent: 99.9", "targetPercent: 0", "target_percent", "not a percentage"),
    (OPENSLO, "targetPercent: 99.9", "displayName: x", "target", "is missing"),
    (OPENSLO, "  service: checkout\n", "", "service", "is missing"),
    (OPENSLO, "  name: checkout-availability\n", "", "name", "metadata.name is missing"),
    (OPENSLO, "duration: 4w", "duration: 4 weeks", "duration", "such as 28d"),
    (OPENSLO, "kind: SLO", "kind: slo", "kind", "write SLO"),
    (OPENSLO, "openslo/v1", "openslo/v1alpha", "format", "is not a format of objectives"),
    (SLOTH, "objective: 99.95", "objective: much", "target_percent", "is not a double"),
    # A ratio where Sloth wants a percentage would be an objective that nothing breaks.
    (SLOTH, "objective: 99.95", "objective: 0.9995", "target_percent", "not a percentage above 1"),
    (SLOTH, 'name: "requests-quick"', "title: a", "name", "is missing"),
    (SLOTH, "slos:", "slo:", "first_objective", "no objectives"),
    (KUBERNETES, "kind: PrometheusServiceLevel", "kind: ServiceLevel", "kind", "is not Sloth's"),
    ("- a\n", "", "", None, "not an object"),
    ("version: [\n", "", "", "document", "is not YAML"),
]


def test_a_mistake_says_file_line_field_and_fix_and_costs_no_other(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for number, (text, before, after, *_) in enumerate(MISTAKES):
        wrong = text.replace(before, after) if before else text
        landing.write(f"slo/{number:02}.yaml", f"# ours\n{wrong}---\n{KUBERNETES}")
    landing.load(*STREAMS, readers=READERS)
    kept = landing.query("select file, line, field, reason from raw.quarantine")
    for number, (*_, field, words) in enumerate(MISTAKES):
        ours = [row for row in kept if row["file"] == f"slo/{number:02}.yaml"]
        assert [row["line"] for row in ours if row["field"] == field and words in row["reason"]]
    good = landing.query("select count(*) as n from raw.slo__documents where _line > 2")
    assert good[0]["n"] == len(MISTAKES)
