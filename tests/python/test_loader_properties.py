"""Arbitrary input, many records a load: each is a row or in quarantine, and none is changed."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .loader_helpers import ID, Landing, column, stream

COLUMNS = {
    "id": column(**ID),
    "n": column("bigint"),
    "x": column("double", path=["x", "deep.x"]),
    "opened_at": column("timestamp", formats=["iso", "epoch_ms", "%d/%m/%Y"]),
    "day": column("date"),
    "flag": column("boolean"),
    "tag": column(path="tags[*]", capture="^(.)"),
}
LINES = stream("lines", COLUMNS)
ENVELOPE = stream("envelope", COLUMNS, records="incidents")
TABLE = stream("table", COLUMNS)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
moments = st.datetimes().map(str) | st.dates().map(str) | st.integers(0, 10**13)
fitting = st.fixed_dictionaries(
    {"id": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)},
    optional={
        "n": st.integers(-(2**63), 2**63 - 1),
        "deep": st.fixed_dictionaries({"x": numbers}),
        "opened_at": moments,
        "flag": st.sampled_from(["true", "no", "1", None]),
        "tags": st.lists(text, max_size=3),
        "title": values,
    },
)
odd = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(["id", "n", "x", "deep", "opened_at", "day", "tags"], values),
)
others = st.dictionaries(text, values, max_size=3)
records = fitting | fitting | odd | st.builds(lambda one, more: more | one, fitting, others)
lines = st.one_of(records, records, records, values)


def drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """So many examples. One load takes them all, since it costs more than a thousand of them."""
    examples: list[Any] = []

    @settings(
        max_examples=number, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def draw(example: Any) -> None:
        examples.append(example)

    draw()
    return examples


def same(value: Any) -> str:
    """Equal for what JSON says is equal, whatever the order of keys or the form of a number."""
    return json.dumps(value, sort_keys=True)


def ndjson(values: list[Any], **options: Any) -> list[bytes]:
    return [json.dumps(value, **options).encode() for value in values]


def test_json_in_rows_and_quarantine(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    good = drawn(lines, 600)
    # Of half a surrogate pair a sign is left, see test_loader_bad_input.py.
    noise = drawn(st.binary(max_size=30).filter(lambda text: rb"\u" not in text), 200)
    # A first line that is text, or the file would be taken for a picture.
    content = [b'{"id": "first"}' + b" " * 60_000, *ndjson(good[::2])]
    content += [*ndjson(good[1::2], ensure_ascii=False), *b"\n".join(noise).split(b"\n")]
    landing.write("lines/x.ndjson", b"\n".join(content))
    enveloped = drawn(records, 300)
    landing.write("envelope/x.json", json.dumps({"incidents": enveloped}, ensure_ascii=False))
    landing.load(LINES, ENVELOPE)

    rows, problems = landing.rows("lines"), landing.quarantine("lines")
    not_blank = [n for n, line in enumerate(content, 1) if line.strip(b" \t\r")]
    assert sorted([r["_line"] for r in rows] + [q["line"] for q in problems]) == not_blank
    assert len(rows) > 100, "hardly anything was good"
    for row in rows:
        assert row["_payload"].encode() == content[row["_line"] - 1].rstrip(b"\r")
        assert json.loads(row["_payload"])["id"] not in (None, "")
    for problem in problems:
        original = content[problem["line"] - 1].decode(errors="backslashreplace").rstrip("\r")
        assert problem["text"] == original.replace("\0", r"\x00")

    found = Counter(same(json.loads(row["_payload"])) for row in landing.rows("envelope"))
    found += Counter(same(json.loads(row["text"])) for row in landing.quarantine("envelope"))
    assert found == Counter(same(one) for one in enveloped)
    assert landing.unaccounted(LINES, ENVELOPE) == []


cells = st.text(
    # A carriage return before a line end is part of it.
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r") | st.sampled_from('",\n;'),
    max_size=12,
)


def test_csv_as_python_writes_it(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    rows = drawn(st.tuples(cells, cells, cells), 300)
    written = {}
    for delimiter in ",;\t|":
        for quoting, end in ((csv.QUOTE_MINIMAL, "\n"), (csv.QUOTE_ALL, "\r\n")):
            out = io.StringIO()
            writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
            name = f"table/{len(written)}.csv"
            # A carriage return at the end of a line is part of the line's end.
            trimmed = [(*row[:-1], row[-1].rstrip("\r")) for row in rows]
            written[name] = [[f"{name} {n}", *row] for n, row in enumerate(trimmed)]
            writer.writerows([["id", "a", "b", "c"], *written[name]])
            landing.write(name, out.getvalue())
    assert landing.load(TABLE).quarantined == []
    found: dict[str, list[Any]] = {}
    for row in landing.rows("table"):
        record = json.loads(row["_payload"])
        found.setdefault(row["_source_file"], []).append(
            (row["_line"], [record[name] or "" for name in ("id", "a", "b", "c")])
        )
    for name, expected in written.items():
        lines = accumulate((1 + "".join(row).count("\n") for row in expected), initial=2)
        assert found[name] == list(zip(lines, expected, strict=False))


def test_csv_that_is_broken(tmp_path: Path) -> None:
    """Nothing is lost: every letter of a file is in a row or in quarantine."""
    landing = Landing(tmp_path)
    files = drawn(st.text(st.sampled_from('ab,"\n\r '), max_size=60), 100)
    for number, body in enumerate(files):
        landing.write(f"table/{number}.csv", f"id,x,y\n{body}\n{number}")
    landing.load(TABLE)
    found: dict[str, str] = defaultdict(str)
    for row in landing.rows("table"):
        found[row["_source_file"]] += "".join(filter(None, json.loads(row["_payload"]).values()))
    for problem in landing.quarantine("table"):
        found[problem["file"]] += problem["text"]
    for number, body in enumerate(files):
        letters = Counter(found[f"table/{number}.csv"])
        assert (letters["a"], letters["b"]) == (body.count("a"), body.count("b")), repr(body)
    assert landing.unaccounted(TABLE) == []
