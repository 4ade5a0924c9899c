"""What not every warehouse knows stands in `macros/cross_db/` alone."""

from __future__ import annotations

import re

import pytest

from .flow_helpers import ROOT

NOT_PORTABLE = {
    "a bare union (say union all or union distinct)": r"\bunion\b(?!\s+(all|distinct)\b)",
    "isodow": r"\bisodow\b",
    "concat_ws": r"\bconcat_ws\b",
    "at time zone": r"\bat\s+time\s+zone\b",
    "qualify": r"\bqualify\b",
    "group by all": r"\bgroup\s+by\s+all\b",
    "an aggregate of texts (say text_list)": r"\b(string_agg|listagg|group_concat)\b",
    "a cast by ::": r"::\s*[a-z]",
}
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)


@pytest.mark.parametrize("what", NOT_PORTABLE)
def test_no_model_or_macro_says(what: str) -> None:
    found = []
    for folder in ("models", "macros", "tests/dbt"):
        for path in (ROOT / folder).rglob("*.sql"):
            text = COMMENT.sub("", path.read_text(encoding="utf-8"))
            if "cross_db" not in path.parts and re.search(NOT_PORTABLE[what], text, re.IGNORECASE):
                found.append(str(path.relative_to(ROOT)))
    assert found == []
