"""What can't be read is told of with its place and a remedy, and takes nothing else with it."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from .loader_helpers import ID, Json, Landing, column, ndjson, packed, parquet, stream

COLUMNS = {
    "id": column(**ID),
    "n": column("bigint"),
    "opened_at": column("timestamp", path="times.opened"),
}
RECORDS: list[Json] = [{"id": f"r{n}", "n": n, "pad": os.urandom(20).hex()} for n in range(5000)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
ARRAY = json.dumps(RECORDS).encode()
CSV = b"id,n\n" + b"".join(f"r{n},{n}\n".encode() for n in range(5000))
PARQUET = parquet(pa.Table.from_pylist(RECORDS))

# Lines of one NDJSON file: text, then field, value and beginning of the reason; None is a good one.
Line = tuple[bytes, tuple[str | None, str | None, str] | None]
NOT_JSON = (None, None, "is not JSON; correct the line and load the file again")
BAD_LINES: list[Line] = [
    (b'{"id": "first"}', None),
    (b'{"id": "cut", "n": 1', NOT_JSON),
    (b"", None),
    (b"nonsense", NOT_JSON),
    (b"{'id': 'python'}", NOT_JSON),
    (b'{"id": "a"} {"id": "b"}', NOT_JSON),
    (b'{"id": "tab\there"}', NOT_JSON),
    (b'{"id": "half of it \\ud800"}', None),
    (b"[1, 2]", (None, "[1, 2]", "is JSON but not an object")),
    (b'"text"', (None, '"text"', "is JSON but not an object")),
    (b"null", (None, "null", "is JSON but not an object")),
    (b"7", (None, "7", "is JSON but not an object")),
    (b'{"n": 1}', ("id", None, "id is missing (looked in id); a record needs it")),
    (b'{"id": ""}', ("id", None, "id is missing")),
    (b'{"id": "x", "n": "two"}', ("n", "two", "n is not a bigint; correct the value")),
    (
        b'{"id": "x", "times": {"opened": "May"}}',
        ("opened_at", "May", "opened_at is not a timestamp; correct the value"),
    ),
    (b'{"id": "x", "n": "' + b"9" * 500 + b'"}', ("n", "9" * 200, "n is not a bigint")),
    (b'{"id": "caf\xe9"}', (None, None, "is not UTF-8 (such bytes are shown as \\xNN); save")),
    (b'{"id": "caf\xc3\xa9 \xef\xb7\x90"}', None),
    (b'{"id": "n\x00l"}', (None, None, "holds a NUL character")),
    (b'{"id": "c\x01ntrol"}', NOT_JSON),
    (b'{"id": "escaped \\u0001 \\t"}', None),
    (b'{"id": "x"; drop table raw.loads; --"}', NOT_JSON),
    (b"[" * 5000 + b"]" * 5000, (None, "[" * 200, "is JSON but not an object")),
    (b'{"id": "deep", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", None),
    (b'{"id": "last"}', None),
]

# Files of which nothing can be trusted, and what is said of them.
CUT = "can't be decompressed (Truncated compressed stream); export it again"
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "cut.ndjson.gz": (gzip.compress(LINES)[:-1000], CUT),
    "cut-trailer.ndjson.gz": (gzip.compress(LINES)[:-1], CUT),
    "cut.ndjson.zst": (packed(".zst", LINES)[:-1000], CUT),
    "cut-end.ndjson.zst": (packed(".zst", LINES)[:-1], CUT),
    "cut.csv.gz": (gzip.compress(CSV)[:-1000], CUT),
    "cut.csv.zst": (packed(".zst", CSV)[:-1000], CUT),
    "cut.json.gz": (gzip.compress(ARRAY)[:-1000], CUT),
    "cut.json.zst": (packed(".zst", ARRAY)[:-1000], CUT),
    "cut.parquet.gz": (gzip.compress(PARQUET)[:-1000], CUT),
    "cut-head.json.gz": (gzip.compress(ARRAY)[:5], CUT),
    "flipped.ndjson.gz": (
        gzip.compress(LINES)[:-8] + b"\0\0\0\0" + gzip.compress(LINES)[-4:],
        "can't be decompressed (zlib inflate failed: incorrect data check)",
    ),
    "trailing.ndjson.gz": (gzip.compress(LINES) + b"junk", "incorrect header check"),
    "not-packed.json.gz": (ARRAY, "incorrect header check"),
    "packed.json": (gzip.compress(ARRAY), "holds binary data, not text"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + os.urandom(2000), "holds binary data"),
    "sep.csv": (b"sep=;\n", "has no header"),
    "utf16-unmarked.json": (ARRAY.decode().encode("utf-16-le"), "in UTF-8"),
    "array-cut.json": (ARRAY[: len(ARRAY) // 2], "is cut off, its list has no end"),
    "array-cut-between.json": (ARRAY[: ARRAY.rindex(b", {")], "is cut off, its list has no end"),
    "array-cut-after-comma.json": (ARRAY[: ARRAY.rindex(b"{")], "is cut off, its list has no end"),
    "array-broken.json": (ARRAY[: len(ARRAY) // 2] + b"]", "Malformed JSON"),
    "array-twice.json": (ARRAY + ARRAY, "Malformed JSON"),
    "envelope-cut.json": (b'{"incidents": ' + ARRAY, "Malformed JSON"),
    "text.json": (b"Error 500: try again later", "Malformed JSON"),
    "page.json": (b"<!doctype html>\n<html></html>", "Malformed JSON"),
    "not-utf8.json": (b'[{"id": "caf\xe9"}]', "UTF"),
    "empty.json": (b"", "is empty; export it again, or delete it"),
    "blank.json": (b" \n\n ", "is empty; export it again, or delete it"),
    "empty.json.gz": (gzip.compress(b""), "is empty"),
    "empty.csv": (b"", "is empty"),
    "empty.parquet": (b"", "too small to be a Parquet file"),
    "text.parquet": (LINES, "No magic bytes"),
    "cut.parquet": (PARQUET[:-5000], "No magic bytes"),
    "flipped.parquet": (PARQUET[:-200] + b"\xff" * 150 + PARQUET[-50:], ""),
    "no-id.parquet": (parquet(pa.table({"n": [1]})), "its header has no 'id' (it has: n)"),
    "no-id.csv": (b"n\n1\n", "its header has no 'id' (it has: n)"),
    "book.xlsx": (b"PK\3\4", "'.xlsx' is not a file type that is read; rename it to .json"),
    "noending": (LINES, "'noending' is not a file type"),
    "double.gz": (LINES, "'double.gz' is not a file type"),
    "page.html": (b"<html>", "'.html' is not a file type"),
    "cut.ndjson.part": (LINES, "'.part' is not a file type"),
}
GOOD_FILES: dict[str, tuple[bytes, int]] = {
    "good.ndjson": (LINES, 5000),
    "empty.ndjson": (b"", 0),  # No records is what a tool with nothing new writes.
    "empty.ndjson.gz": (gzip.compress(b""), 0),
    "empty-array.json": (b"[]", 0),
    "empty-envelope.json": (b'{"incidents": []}', 0),
    "header.csv": (b"id,n\n", 0),
    "utf16.csv": ("id,n\nutf16 é,1\n".encode("utf-16"), 1),
    "utf16.ndjson.gz": (gzip.compress('{"id": "utf16 é packed"}\n'.encode("utf-16")), 1),
    "utf16.json": ('[{"id": "utf16 é array"}]'.encode("utf-16"), 1),
    "separator.csv": (b"\r\nsep=;\r\nid;n\r\nseparated,by;1\r\n", 1),
    ".hidden.json": (b"nonsense", 0),
}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """One load of all that is wrong, and a second one."""
    landing = Landing(tmp_path_factory.mktemp("bad"))
    folder = landing.roots["landing"] / "bad"
    folder.mkdir()
    for name, (content, _) in (BAD_FILES | GOOD_FILES).items():
        (folder / name).write_bytes(content)
    landing.write("lines/x.ndjson", b"\n".join(text for text, _ in BAD_LINES))
    return landing


@pytest.fixture(scope="module")
def streams(landing: Landing) -> list[Json]:
    return [
        stream("bad", COLUMNS, records="incidents", mode="snapshot"),
        stream("lines", COLUMNS),
    ]


@pytest.fixture(scope="module")
def rejected(landing: Landing, streams: list[Json]) -> dict[str, str]:
    report = landing.load(*streams)
    assert report.files_loaded == len(GOOD_FILES) - 1 + 1
    said = "holds no record; export it again if there should be some"
    empty = ("empty-array.json", "empty-envelope.json", "header.csv")
    assert [str(note) for note in report.notes] == [f"bad/{name}: {said}" for name in empty]
    return {problem.file: str(problem) for problem in report.rejected}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_with_a_reason(rejected: dict[str, str], name: str) -> None:
    reason = rejected[f"bad/{name}"]
    assert reason.startswith(f"bad/{name}: ")
    assert BAD_FILES[name][1] in reason
    assert "; " in reason, "a reason ends in what to do"
    assert "paydown-" not in reason, "the name of a copy says nothing"


def test_the_good_files_beside_it_are_loaded(landing: Landing, rejected: dict[str, str]) -> None:
    assert set(rejected) == {f"bad/{name}" for name in BAD_FILES}
    found = {row["file"]: row for row in landing.loads("bad")}
    for name, (_, rows) in GOOD_FILES.items():
        if not name.startswith("."):
            row = found[f"bad/{name}"]
            assert (row["status"], row["records"], row["rows_loaded"]) == ("loaded", rows, rows)
    assert "bad/.hidden.json" not in found
    assert len(landing.rows("bad")) == sum(rows for _, rows in GOOD_FILES.values())
    assert {"utf16 é", "utf16 é packed", "utf16 é array", "separated,by"} <= set(
        landing.by_id("bad")
    )


@pytest.mark.usefixtures("rejected")
def test_bad_lines_are_quarantined_with_their_place_and_text(landing: Landing) -> None:
    problems = landing.quarantine("lines")
    expected = [(n, *what) for n, (_, what) in enumerate(BAD_LINES, 1) if what]
    assert [(row["line"], row["field"], row["value"]) for row in problems] == [
        (line, field, value) for line, field, value, _ in expected
    ]
    for row, (line, _, _, reason) in zip(problems, expected, strict=True):
        assert row["reason"].startswith(reason)
        original = BAD_LINES[line - 1][0].replace(b"\0", rb"\x00")
        assert row["text"] == original.decode(errors="backslashreplace")
    good = [n for n, (text, what) in enumerate(BAD_LINES, 1) if text and not what]
    assert [row["_line"] for row in landing.rows("lines")] == good
    (load,) = landing.loads("lines")
    assert load["records"] == len(BAD_LINES) - 1
    assert load["rows_quarantined"] == len(expected)


SHAPES = {"array.json": "[%s]", "open.json": '{"records": [%s], "x": 0}', "lines.ndjson": "%s"}


@pytest.mark.parametrize("name", SHAPES)
def test_half_a_surrogate_pair_costs_nothing_but_itself(landing: Landing, name: str) -> None:
    """A title cut within an emoji; a whole pair and an escaped backslash stay as they are."""
    titles = ["cut \\ud83d", "low \\uDE00!", "whole \\ud83d\\ude00", "path C:\\\\ud83d"]
    between = "\n" if name.endswith("ndjson") else ", "
    records = between.join(f'{{"id": "{n}", "title": "{title}"}}' for n, title in enumerate(titles))
    cut = stream("cut", {"id": column(**ID), "title": column()}, records="records")
    landing.write(f"cut/{name}", SHAPES[name] % records)
    landing.load(cut)
    query = "select id, title from raw.demo__cut where _source_file = ?"
    read = {row["id"]: row["title"] for row in landing.query(query, f"cut/{name}")}
    expected = ["cut \ufffd", "low \ufffd!", "whole \U0001f600", "path C:\\ud83d"]
    assert read == {str(n): title for n, title in enumerate(expected)}


def test_a_bad_file_is_reported_until_it_is_corrected_or_gone(
    landing: Landing, streams: list[Json], rejected: dict[str, str]
) -> None:
    before = landing.loads("bad")
    again = landing.load(*streams)
    assert {problem.file: str(problem) for problem in again.rejected} == rejected
    assert (again.files_loaded, again.rows_loaded) == (0, 0)
    assert landing.loads("bad") == before, "telling again writes nothing"

    folder = landing.roots["landing"] / "bad"
    for name in BAD_FILES:
        (folder / name).unlink()
    (folder / "cut.ndjson.gz").write_bytes(gzip.compress(LINES))
    after = landing.load(*streams)
    assert after.rejected == []
    assert (after.files_loaded, after.files_removed) == (1, len(BAD_FILES) - 1)
    assert landing.unaccounted(*streams) == []


def test_links_out_of_the_landing_folder_are_not_followed(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    secret = tmp_path / "secret.ndjson"
    secret.write_text('{"id": "secret"}\n')
    inside = landing.write("real/a.ndjson", '{"id": "inside"}\n')
    folder = landing.roots["landing"] / "links"
    folder.mkdir()
    (folder / "inside.ndjson").symlink_to(inside)
    (folder / "outside.ndjson").symlink_to(secret)
    (folder / "dangling.ndjson").symlink_to(tmp_path / "nowhere")
    (folder / "loop.ndjson").symlink_to(folder / "loop.ndjson")
    os.mkfifo(folder / "pipe.ndjson")  # Whoever opened it would wait for ever.
    (landing.roots["landing"] / "folder").symlink_to(tmp_path)
    nodes = [stream("links", COLUMNS), stream("folder", COLUMNS, files="landing:folder/*.ndjson")]
    for _ in range(2):
        report = landing.load(*nodes)
        reasons = {problem.file: problem.reason for problem in report.rejected}
        assert set(reasons) == {"links/outside.ndjson", "folder/secret.ndjson"}
        for reason in reasons.values():
            assert reason.startswith(f"is a link to {secret}, outside ")
            assert reason.endswith("; put the file itself there")
    assert [row["id"] for row in landing.rows("links")] == ["inside"]
    assert landing.rows("folder") == []
    (folder / "outside.ndjson").unlink()
    landing.write("links/outside.ndjson", '{"id": "mine"}\n')
    landing.load(*nodes)
    assert {row["id"] for row in landing.rows("links")} == {"inside", "mine"}


def test_a_file_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = Landing(tmp_path)
    landing.write("s/good.ndjson", '{"id": "a"}\n')
    locked = landing.write("s/locked.ndjson", '{"id": "b"}\n')
    opened = Path.open

    def refuse(path: Path, *args: Any, **options: Any) -> Any:  # Root may open anything.
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        report = landing.load(stream("s", COLUMNS))
        assert [str(problem) for problem in report.rejected] == [
            "s/locked.ndjson: can't be opened (Permission denied); let the loader's user read it"
        ]
    assert landing.load(stream("s", COLUMNS)).rejected == []
    assert {row["id"] for row in landing.rows("s")} == {"a", "b"}


def test_a_folder_that_cannot_be_listed_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root every folder can be listed, so the operating system's answer is put in its place."""
    landing, snapshot = Landing(tmp_path), stream("snapshot", COLUMNS, mode="snapshot")
    landing.write("snapshot/a.ndjson", '{"id": "a"}')
    landing.load(snapshot)
    folder = landing.roots["landing"] / "snapshot"
    scandir = os.scandir

    def refused(path: Any = ".") -> Any:
        if Path(os.fsdecode(path)) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refused)
        report = landing.load(snapshot)
        assert report.files_removed == 0
        assert [(problem.file, problem.reason.split(";")[0]) for problem in report.rejected] == [
            ("snapshot", "is a folder that can't be listed (Permission denied)")
        ]
    assert landing.load(snapshot).rejected == []
    loads = [(r["file"], r["status"], r["rows_loaded"]) for r in landing.loads("snapshot")]
    assert loads == [("snapshot/a.ndjson", "loaded", 1)]


EXPECTED = stream(
    "wrong",
    {
        "id": column(**ID),
        "state": column(path=["state.value", "state"]),
        "ended_at": column(),
        "closed_at": column(),
    },
    expected=["state", ["ended_at", "closed_at"]],
    end=["ended_at", "closed_at"],
    ended="state = 'done'",
)
WRONG_FILES: dict[str, tuple[str, str | None]] = {
    "renamed.csv": (
        "id,status,ended_at\na,new,\nb,done,\n",
        "state (looked in state.value, state;",
    ),
    "renamed.ndjson": (ndjson(*[{"id": n, "ended_at": None} for n in "ab"]), "state (looked in st"),
    "no-end.json": (json.dumps([{"id": "a", "state": "new"}]), "ended_at or closed_at (looked in"),
    "foreign.json": (
        json.dumps([{"sys_id": "1", "number": "INC1", "state": "7", "closed_at": None}]),
        "they have closed_at, number, state, sys_id); this looks like a ServiceNow table, move it",
    ),
    "foreign.csv": (
        "tinyId,alias\n1,x\n",
        "this looks like Opsgenie's alerts, move it to opsgenie",
    ),
    "ended.ndjson": (
        ndjson(*[{"id": n, "state": "done", "ended_at": ""} for n in "abc"]),
        "none of its records that ended has ended_at or closed_at (looked in ended_at, closed_at,",
    ),
    "no-state.csv": ("id,state,ended_at\na,,\n", None),  # Others of the stream have one.
    "all-open.json": (json.dumps([{"id": "a", "state": {"value": "1"}, "closed_at": None}]), None),
    "one-has-it.ndjson": (ndjson({"id": "b"}, {"id": "c", "state": "1", "ended_at": ""}), None),
    "empty.ndjson": ("", None),
}


def test_a_file_without_a_place_for_what_decides_is_rejected(tmp_path: Path) -> None:
    """With the names that its records have; an empty one beside others is not rejected."""
    landing = Landing(tmp_path)
    for name, (content, _) in WRONG_FILES.items():
        landing.write(f"wrong/{name}", content)
    for _ in range(2):
        rejected = {one.file[6:]: one.reason for one in landing.load(EXPECTED).rejected}
        assert set(rejected) == {name for name, (_, words) in WRONG_FILES.items() if words}
        for name, (_, words) in WRONG_FILES.items():
            assert not words or words in rejected[name]
    assert {row["id"] for row in landing.rows("wrong")} == {"a", "b", "c"}
    assert landing.quarantine("wrong") == []
    assert landing.unaccounted(EXPECTED) == []
