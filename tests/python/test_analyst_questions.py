"""The questions of the guide for analysts, asked of the demo: the guide's answers are the demo's.

ANSWERS=write writes the answers into the guide anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .flow_helpers import ROOT, Demo

GUIDE = ROOT / "docs" / "guides" / "analyst.md"
QUESTION = re.compile(
    r"^### (\d+)\. (.+?)\n.*?```sql\n(.+?)```\n(?:\n```text\n(.+?)```\n)?", re.M | re.S
)


def questions(guide: Path = GUIDE) -> list[tuple[str, str, str, str]]:
    """Number, question, SQL and answer of each, as the guide has them."""
    return QUESTION.findall(guide.read_text(encoding="utf-8"))


def answer(demo: Demo, sql: str) -> str:
    """The rows below their names, in columns, as text."""
    rows = [tuple("" if v is None else str(v) for v in row) for row in demo.site.query(sql)]
    names = [column[0] for column in demo.site.query(f"describe {sql}")]
    table = [names, *rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(names))]
    lines = ["  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)) for row in table]
    return "".join(line.rstrip() + "\n" for line in lines)


def test_there_are_ten_questions() -> None:
    assert [int(number) for number, *_ in questions()] == list(range(1, 11))


@pytest.mark.parametrize("number", range(1, 11))
def test_the_guides_answer_is_the_demos(demo: Demo, number: int) -> None:
    _, _, sql, written = questions()[number - 1]
    found = answer(demo, sql.strip().rstrip(";"))
    assert found.count("\n") > 1, "a question without an answer"
    if os.environ.get("ANSWERS") == "write":
        text = GUIDE.read_text(encoding="utf-8")
        asked = f"```sql\n{sql}```\n"
        old = f"{asked}\n```text\n{written}```\n" if written else asked
        assert text.count(old) == 1
        GUIDE.write_text(text.replace(old, f"{asked}\n```text\n{found}```\n"), encoding="utf-8")
        written = found
    assert written == found
