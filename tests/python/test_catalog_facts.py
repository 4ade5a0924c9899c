"""Facts of the marts in catalog files: nothing else changes, and only what is news is written."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import referencing
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.decisions.catalog_files import OURS, annotated, diff
from orchestration.documents import DocumentError

from .described import SPECS

WRITTEN = """\
# The gateway's own file.
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: gateway   # as the mesh knows it
  annotations:
    grafana/dashboard-url: 'https://grafana.example.com/d/1'   # keep

  tags: [edge]
spec: {type: service, lifecycle: production, owner: team-a}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
    name: ledger
    namespace: money
spec:
    type: service
    lifecycle: production
    owner: team-b
"""


def row(ref: str = "component:default/gateway", **more: Any) -> dict[str, Any]:
    """A row of rpt_catalog_facts."""
    said: dict[str, Any] = {
        "entity_ref": ref,
        "service_id": ref,
        "entity_kind": "component",
        "score": 24,
    }
    said |= {"band": "promote_to_epic", "maturity_level": None, "open_epic_keys": "MOD-1"}
    said |= {"jira_project_key": "MOD", "chart_url": None, "report_url": None}
    said |= {"score_rank": 1, "incident_count": 3, "open_epic_count": 1, "overdue_epic_count": 0}
    return {**said, "promoted_service_count": 1, "catalog_files": None, **more}


def facts(*rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["entity_ref"]: one for one in rows or (row(),)}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_annotations_are_added_and_all_else_stays_to_the_byte(newline: str) -> None:
    text = WRITTEN.replace("\n", newline)
    new = annotated(text, facts(row(), row("component:money/ledger", score=None, band=None)))
    added = [line for line in new.splitlines() if line not in text.splitlines()]
    assert added == [
        "    jira/project-key: MOD",
        "    jira/label: paydown-service-gateway",
        '    paydown/debt-score: "24"',
        "    paydown/debt-band: promote_to_epic",
        "    paydown/maturity-by-evidence: none",
        "    paydown/open-epics: MOD-1",
        "    annotations:",
        "      jira/project-key: MOD",
        "      jira/label: paydown-service-ledger",
        "      paydown/maturity-by-evidence: none",
        "      paydown/open-epics: MOD-1",
    ]
    ours = re.compile(r" +(annotations:|(jira|paydown)/\S+ .*)(\r?\n)")
    kept = [line for line in new.splitlines(keepends=True) if not ours.fullmatch(line)]
    kept.insert(5, f"  annotations:{newline}")
    assert "".join(kept) == text
    assert diff(text, new)[0].startswith("gateway: jira/project-key nothing -> MOD, ")


def test_a_score_that_moved_a_little_is_no_change_by_itself() -> None:
    text = annotated(WRITTEN, facts())
    for same in (row(), row(score=26), row(score=22)):
        assert annotated(text, facts(same)) == text
    assert '"27"' in annotated(text, facts(row(score=27)))
    new = annotated(text, facts(row(score=25, open_epic_keys="MOD-1, MOD-7")))
    assert diff(text, new) == [
        "gateway: paydown/debt-score 24 -> 25, paydown/open-epics MOD-1 -> MOD-1, MOD-7"
    ]
    # What is known no more is said, not left as it was.
    gone = annotated(text, facts(row(score=None, band=None, open_epic_keys=None)))
    assert "paydown/debt-score: none" in gone
    assert "paydown/open-epics: none" in gone


def test_a_project_and_a_label_of_peoples_own_stay() -> None:
    theirs = WRITTEN.replace("    grafana/", "    jira/project-key: PAY\n    grafana/")
    new = annotated(theirs, facts())
    assert "jira/project-key: PAY" in new
    assert "jira/label: paydown-service-gateway" not in new
    assert "paydown/open-epics: MOD-1" in new
    theirs = WRITTEN.replace("    grafana/", "    jira/label: gateway\n    grafana/")
    assert "jira/project-key" not in annotated(theirs, facts())


def test_a_list_of_entities_and_files_without_any_of_ours() -> None:
    inner = "\n".join(f"    {line}" for line in WRITTEN.partition("---")[0].splitlines())
    text = f"kind: List\nitems:\n  -\n{inner}\n"
    assert "        paydown/open-epics: MOD-1\n" in annotated(text, facts())
    for other in ("", "a: 1\n", "- x\n", "# only\n", WRITTEN.replace("gateway", "other")):
        assert annotated(other, facts()) == other


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("kind: Component\nmetadata: {name: gateway}\n", "line 1: .*is written in braces"),
        ("kind: Component\nmetadata:\n  name: gateway\n  annotations: {a: b}\n", "in braces"),
        ("kind: [\n", "close the quote or bracket"),
        (
            "kind: Component\nx: &all\n  a: b\nmetadata:\n  name: gateway\n  annotations: *all\n",
            "are an alias of others.*write them out",
        ),
        (
            "kind: Component\nmetadata:\n  name: gateway\n  annotations: &all\n    a: b\n"
            "spec:\n  x: *all\n",
            "without changing more.*write no aliases",
        ),
    ],
)
def test_what_cannot_be_changed_is_refused_with_a_fix(text: str, what: str) -> None:
    with pytest.raises(DocumentError, match=what):
        annotated(text, facts())


PIECES = st.lists(
    st.sampled_from([
        "a/b: 'x: y'  # why\n", 'paydown/debt-score: "19"\n', "paydown/open-epics: none # now\n",
        "paydown/debt-band: >-\n  promote\n  it\n", "# a remark\n", "c/d: |\n  two\n  lines\n",
        "jira/label: paydown-service-gateway\n", "\n", "jira/project-key: MOD\n",
    ]),
    max_size=6, unique=True,
)  # fmt: skip
ROWS = st.builds(
    row,
    score=st.none() | st.integers(0, 40),
    band=st.sampled_from([None, "promote_to_epic"]),
    open_epic_keys=st.sampled_from([None, "MOD-1", "MOD-1, MOD-22"]),
    maturity_level=st.sampled_from([None, "silver"]),
    chart_url=st.sampled_from([None, "https://x.example/#a b", 'https://x.example/d/1: "2"']),
)


@given(PIECES, st.integers(1, 4), st.lists(ROWS, min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_any_sequence_of_runs_keeps_what_people_wrote(
    pieces: list[str], indent: int, runs: list[dict[str, Any]]
) -> None:
    pad = " " * indent
    held = "".join(
        f"{pad * 2}{line}" if line.strip() else line
        for piece in pieces
        for line in piece.splitlines(keepends=True)
    )
    has_any = any(":" in piece for piece in pieces)
    text = (
        f"kind: Component\nmetadata:\n{pad}name: gateway # here\n"
        + (f"{pad}annotations:\n{held}" if has_any else "")
        + f"{pad}tags: [x]\nspec:\n{pad}owner: a\n"
    )
    theirs = {k: v for k, v in _annotations(text).items() if k not in OURS}
    remarks = re.findall("# .*", text)
    for one in runs:
        text = annotated(text, facts(one))
        assert annotated(text, facts(one)) == text
        assert {k: v for k, v in _annotations(text).items() if k not in OURS} == theirs
        assert all(isinstance(value, str) for value in _annotations(text).values())
        assert sorted(re.findall("# .*", text)) == sorted(remarks)
    assert f"{pad}name: gateway # here\n" in text
    assert text.endswith("owner: a\n")


def _annotations(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)["metadata"].get("annotations") or {}


def test_what_is_written_is_as_backstage_describes_it() -> None:
    folder = SPECS / "backstage"
    if not folder.exists():
        pytest.skip("Backstage's schemas are not at hand")
    loaded = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    resources = [(one["$id"], referencing.Resource.from_contents(one)) for one in loaded]
    registry = referencing.Registry().with_resources(resources)
    (schema,) = [one for one in loaded if one["$id"] == "ComponentV1alpha1"]
    check = jsonschema.Draft7Validator(schema, registry=registry)
    rows = facts(row(chart_url="https://x.example/d/1"), row("component:money/ledger", score=None))
    for entity in yaml.safe_load_all(annotated(WRITTEN, rows)):
        assert not list(check.iter_errors(entity))
    # The check can fail: a number is no annotation.
    entity["metadata"]["annotations"]["paydown/debt-score"] = 24
    assert list(check.iter_errors(entity))
