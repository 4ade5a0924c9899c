"""A program changes its fields of a YAML list; what people wrote stays as it is, byte for byte."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.decisions.entries import Entries
from orchestration.documents import DocumentError

WRITTEN = """\
# Decided in the monthly triage.
epics:
  # The gateway first: finance agreed.
  - id: gateway   # keep this one on top
    score: 24
    exit_criteria:
      - Circuit breakers   # shown by the mesh team
      - "Runbooks: in the repo"
    decision: approved
    note: >
      Four engineers,
      two weeks.
    # asked again in August

  - id: ledger
    score:
    decision: pending
    team: {lead: ann}
# After the list.
later: 1
"""


def test_only_the_field_that_changes_changes() -> None:
    entries = Entries(WRITTEN, "epics")
    assert [item.values["id"] for item in entries.items] == ["gateway", "ledger"]
    assert entries.text == WRITTEN
    entries.items[0].update({"id": "gateway", "score": 26})
    entries.items[1].update({"score": 20, "band": "bundle"})
    expected = WRITTEN.replace("score: 24", "score: 26")
    assert entries.text == expected.replace("    score:\n", "    score: 20\n    band: bundle\n")


def test_comments_on_what_is_replaced_stay_above_it() -> None:
    entries = Entries(WRITTEN, "epics")
    entries.items[0].update({"exit_criteria": ["Timeouts", "No #hash"]})
    assert (
        "    # shown by the mesh team\n"
        '    exit_criteria:\n      - Timeouts\n      - "No #hash"\n'
        "    decision: approved" in entries.text
    )
    entries.items[0].update({"exit_criteria": []})
    assert "    # shown by the mesh team\n    exit_criteria: []\n" in entries.text


def test_an_entry_takes_its_comments_along() -> None:
    entries = Entries(WRITTEN, "epics")
    entries.items.reverse()
    entries.add({"id": "new", "score": 3, "tags": ["a"]}, at=1)
    body = entries.text.partition("epics:\n")[2]
    assert body.index("team: {lead") < body.index("- id: new") < body.index("# The gateway first")
    assert body.index("# asked again") < body.index("# After the list.")
    assert yaml.safe_load(entries.text)["epics"][1] == {"id": "new", "score": 3, "tags": ["a"]}
    del entries.items[2]
    assert "gateway" not in entries.text
    assert entries.text.endswith("# After the list.\nlater: 1\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "epics:\n  - id: a\n"),
        ("# Header\n", "# Header\nepics:\n  - id: a\n"),
        ("epics: []  # none yet\nb: 1\n", "epics:  # none yet\n  - id: a\nb: 1\n"),
        ("epics:\nb: 1", "epics:\n  - id: a\nb: 1\n"),
        ("epics:\n- id: z\n", "epics:\n- id: z\n- id: a\n"),
        ("epics:\r\n  - id: z\r\n", "epics:\r\n  - id: z\r\n  - id: a\r\n"),
    ],
)
def test_an_entry_is_added_to_any_file(text: str, expected: str) -> None:
    entries = Entries(text, "epics")
    entries.add({"id": "a"})
    assert entries.text == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epics: {a: 1}\n", "line 1: epics: is not a list of entries; fix: write"),
        ("epics:\n  - a\n", "line 2: document: is not one entry"),
        (
            "x: &a 1\nepics:\n  - id: *a\n",
            r"line 3: \*a: refers to what .*; fix: write the value out",
        ),
        ("epics:\n  - id: a\n   b: 1\n", "line 3: "),
        ("epics:\n  - {id: a}\n", "line 2: document: is written in braces; fix: write one"),
    ],
)
def test_what_cannot_be_changed_says_line_and_fix(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        Entries(text, "epics").items[0].update({"id": "b"})


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
    WORDS,
    st.sampled_from(
        [
            "yes",
            "1e3",
            "2026-01-01",
            "12:30",
            "a: b",
            "- a",
            "null",
            "~",
            "x #y",
            "0o7",
            "a\nb",
            "a\tb",
        ]
    ),
    st.lists(WORDS, max_size=3),
)
FIELDS = st.sampled_from(["id", "score", "owner", "exit_criteria", "new_field"])


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.dictionaries(FIELDS, VALUES, min_size=1)), max_size=6)
)
def test_any_values_are_read_back_and_no_comment_is_lost(
    edits: list[tuple[int, dict[str, Any]]],
) -> None:
    entries = Entries(WRITTEN, "epics")
    comments = sorted(re.findall(r"# .*", WRITTEN))
    for place, values in edits:
        entries.items[place].update(values)
        entries = Entries(entries.text, "epics")
        read = entries.items[place].values
        assert {name: read[name] for name in values} == values
        assert entries.items[0].values["note"] == "Four engineers, two weeks.\n"
    for comment in comments:
        assert comment in entries.text
    assert Entries(entries.text, "epics").text == entries.text
