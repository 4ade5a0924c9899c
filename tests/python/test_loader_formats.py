"""Whatever an export is written and packed as, the same records become the same rows."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from .loader_helpers import ID, Json, Landing, column, packed, parquet, stream

COLUMNS = {"id": column(**ID), "n": column("bigint"), "note": column()}
RECORDS: list[Json] = [
    {"id": "a", "n": 1, "note": "x, y; z|\tq"},
    {"id": "b", "n": None, "note": 'say "hi"\nthere, then "bye"'},
    {"id": "c", "n": 3, "note": "é… \N{CRAB}"},
]
ROWS = [(record["id"], record["n"], record["note"]) for record in RECORDS]


def csv_text(delimiter: str, *, quoting: Any = csv.QUOTE_MINIMAL, end: str = "\r\n") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(RECORDS[0])
    writer.writerows(record.values() for record in RECORDS)
    return text.getvalue()


LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)
ENVELOPE = json.dumps({"incidents": RECORDS, "more": False})
ENVELOPES = "".join(
    json.dumps({"incidents": part}) + "\n" for part in (RECORDS[:2], [], RECORDS[2:])
)
# Contents by file name, then the lines (or places) that the three records have.
FORMATS: dict[str, tuple[str | bytes, list[int]]] = {
    "array.json": (json.dumps(RECORDS), [1, 2, 3]),
    "array-indented.json": (json.dumps(RECORDS, indent=2), [1, 2, 3]),
    "array-bom.json": ("\ufeff" + json.dumps(RECORDS), [1, 2, 3]),
    "envelope.json": (ENVELOPE, [1, 2, 3]),
    "envelope-newline.json": (ENVELOPE + "\n", [1, 2, 3]),
    "envelope-indented.json": (json.dumps(json.loads(ENVELOPE), indent=2), [1, 2, 3]),
    "envelope-bom.json": ("\ufeff" + ENVELOPE, [1, 2, 3]),
    "lines.ndjson": (LINES, [1, 2, 3]),
    "lines.jsonl": (LINES, [1, 2, 3]),
    "lines.json": (LINES, [1, 2, 3]),
    "lines-no-last-newline.ndjson": (LINES.rstrip(), [1, 2, 3]),
    "lines-bom.ndjson": ("\ufeff" + LINES, [1, 2, 3]),
    "lines-windows.ndjson": (LINES.replace("\n", "\r\n"), [1, 2, 3]),
    "lines-mixed-ends.ndjson": (LINES.replace("\n", "\r\n", 1), [1, 2, 3]),
    "lines-blank.ndjson": ("\n" + LINES.replace("\n", "\n \t\n"), [2, 4, 6]),
    "lines-blank.json": ("\n\n" + LINES, [3, 4, 5]),
    "envelopes.ndjson": (ENVELOPES, [1, 1, 3]),
    "envelopes.json": (ENVELOPES, [1, 1, 3]),
    "comma.csv": (csv_text(","), [2, 3, 5]),
    "semicolon.csv": (csv_text(";"), [2, 3, 5]),
    "tab.csv": (csv_text("\t"), [2, 3, 5]),
    "pipe.csv": (csv_text("|"), [2, 3, 5]),
    "bom.csv": ("\ufeff" + csv_text(","), [2, 3, 5]),
    "bom-quoted.csv": ("\ufeff" + csv_text(",", quoting=csv.QUOTE_ALL), [2, 3, 5]),
    "unix.csv": (csv_text(",", end="\n"), [2, 3, 5]),
    "blank-lines.csv": ("\n\n" + csv_text(",", end="\n\n"), [5, 7, 10]),
    "records.parquet": (parquet(pa.Table.from_pylist(RECORDS)), [1, 2, 3]),
}
CASES = [(name, packing) for name in FORMATS for packing in ("", ".gz", ".zst")]
# An append stream would take a format that two files share for one.
SAME_BYTES_TWICE = stream("files", COLUMNS, records="incidents", mode="snapshot")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Json]]:
    """The rows of every format and packing, by file name, from one load."""
    landing = Landing(tmp_path_factory.mktemp("formats"))
    for name, packing in CASES:
        landing.write(f"files/{name}{packing}", FORMATS[name][0])
    report = landing.load(SAME_BYTES_TWICE)
    assert report.rejected == []
    assert report.quarantined == []
    rows: dict[str, list[Json]] = {}
    for row in sorted(landing.rows("files"), key=lambda row: row["id"]):
        rows.setdefault(row["_source_file"].removeprefix("files/"), []).append(row)
    return rows


@pytest.mark.parametrize(("name", "packing"), CASES)
def test_same_rows(rows: dict[str, list[Json]], name: str, packing: str) -> None:
    found = rows[name + packing]
    assert [(row["id"], row["n"], row["note"]) for row in found] == ROWS
    assert [row["_line"] for row in found] == FORMATS[name][1]
    payloads = [json.loads(row["_payload"]) for row in found]
    if name.endswith(".csv"):
        payloads = [payload | {"n": payload["n"] and int(payload["n"])} for payload in payloads]
    assert payloads == RECORDS


def test_archives_of_several_parts(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for packing in (".gz", ".zst"):
        path = landing.write(f"parts/x.ndjson{packing}", "")
        path.write_bytes(b"".join(packed(packing, part.encode()) for part in (LINES, LINES)))
    landing.load(stream("parts", COLUMNS))
    assert [row["id"] for row in landing.rows("parts")] == ["a", "b", "c"] * 4


NAMES = [
    "plain",
    "export [1]",
    "export (2)",
    "what?",
    "star*",
    'it\'s "quoted"; drop table x;--',
    "größe \N{CRAB} 日本",
    "new\nline",
    "2026.06.26.export",
    "-rf",
    "{brace}$HOME%s\\",
]
ENDINGS = ["ndjson", "CSV", "json", "parquet", "json.gz", "parquet.ZST"]


def test_any_file_name(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    wanted = {}
    for number, name in enumerate(f"{name}.{ending}" for name in NAMES for ending in ENDINGS):
        record = {"id": f"r{number}"}
        as_text = {".ndjson": json.dumps(record), ".CSV": f"id\nr{number}\n"}.get(Path(name).suffix)
        if "parquet" in name:
            landing.write(f"names/{name}", parquet(pa.Table.from_pylist([record])))
        else:
            landing.write(f"names/{name}", as_text or json.dumps([record]))
        wanted[f"names/{name}"] = record["id"]
    report = landing.load(stream("names", {"id": column(**ID)}))
    assert report.rejected == []
    assert {row["_source_file"]: row["id"] for row in landing.rows("names")} == wanted


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    folder = landing.roots["landing"] / "names"
    folder.mkdir()
    for name, content in {
        b"caf\xe9.ndjson": '{"id": "a"}',
        b"caf\xe8.json": '[{"id": "b"}]',
        b"caf\xe7.csv": "id\nc",
    }.items():
        (folder / os.fsdecode(name)).write_text(content)
    names = stream("names", {"id": column(**ID)})
    assert landing.load(names).rejected == []
    assert {row["id"]: row["_source_file"] for row in landing.rows("names")} == {
        "a": r"names/caf\xe9.ndjson",
        "b": r"names/caf\xe8.json",
        "c": r"names/caf\xe7.csv",
    }
    assert landing.load(names).files_unchanged == 3


def test_a_list_in_an_envelope_whatever_its_key(tmp_path: Path) -> None:
    """JSON may write a key in several ways, and a path may end at a place in a list."""
    landing = Landing(tmp_path)
    envelopes = {
        "données": r'{"donn\u00e9es": [{"id": "a"}]}',
        "[my.items]": '{"my.items": [{"id": "a"}]}',
        "[a/b]": r'{"a\/b": [{"id": "a"}]}',
        "pages[0]": '{"pages": [[{"id": "a"}]]}',
        "$.pages[0].items": '{"pages": [{"items": [{"id": "a"}]}]}',
    }
    streams = []
    for number, (records, text) in enumerate(envelopes.items()):
        landing.write(f"s{number}/x.ndjson", text)
        streams.append(stream(f"s{number}", {"id": column(**ID)}, records=records))
    landing.load(*streams)
    found = [[row["id"] for row in landing.rows(f"s{n}")] for n in range(len(envelopes))]
    assert found == [["a"]] * len(envelopes)
