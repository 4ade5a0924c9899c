"""CSV as people export it: no row is lost, and each problem names the line an editor shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.loader import text as texts

from .loader_helpers import ID, Json, Landing, column, stream

COLUMNS = {"id": column(**ID), "n": column("bigint"), "note": column()}
HEADER = "id,n,note\n"
MANY = "".join(f"g{number},{number},fine\n" for number in range(3000))
NOT_CLOSED = "has a quote that is not closed"
NOT_UTF8 = "is not UTF-8"

# Content, rows as (line, id, note), quarantined as (line, beginning of the reason, text).
Case = tuple[str | bytes, list[tuple[int, str, str | None]], list[tuple[int, str, str]]]
CASES: dict[str, Case] = {
    "shifted": (
        HEADER + "a,1,x\nb,2,y,z\nc,3,w\nd,4\ne,5,v\n",
        [(2, "a", "x"), (4, "c", "w"), (6, "e", "v")],
        [(3, "has 4 values, but the header has 3", "b,2,y,z"), (5, "has 2 values", "d,4")],
    ),
    "shifted-after-line-ends-in-quotes": (
        HEADER + 'a,1,"x\ny"\nb,2,y,z\n"c",3,"p\n\nq,""r"""\nd,4,y,z\ne,5,v\n',
        [(2, "a", "x\ny"), (5, "c", 'p\n\nq,"r"'), (9, "e", "v")],
        [(4, "has 4 values", "b,2,y,z"), (8, "has 4 values", "d,4,y,z")],
    ),
    "shifted-with-line-ends-in-quotes": (
        HEADER + 'a,1,"x\ny",z\nb,2,w\n',
        [(4, "b", "w")],
        [(2, "has 4 values", 'a,1,"x\ny",z')],
    ),
    "shifted-first": (
        HEADER + "a,1,x,y\nb,2,w\n",
        [(3, "b", "w")],
        [(2, "has 4 values", "a,1,x,y")],
    ),
    "blank-lines": (
        "\n" + HEADER + "\na,1,x\n \n\nb,2,y,z\nc,3,w\n\n",
        [(4, "a", "x"), (8, "c", "w")],
        [(7, "has 4 values", "b,2,y,z")],
    ),
    "bad-value": (
        HEADER + "a,1,x\nb,two,y\nc,3,w\n",
        [(2, "a", "x"), (4, "c", "w")],
        [(3, "n is not a bigint", '{"id":"b","n":"two","note":"y"}')],
    ),
    "no-key": (
        HEADER + ",1,x\nb,2,y\n",
        [(3, "b", "y")],
        [(2, "id is missing", '{"id":null,"n":"1","note":"x"}')],
    ),
    "hash-is-no-comment": (
        HEADER + "#a,1,x\nb,2,#y\n# said,2,\n",
        [(2, "#a", "x"), (3, "b", "#y"), (4, "# said", None)],
        [],
    ),
    "quote-not-closed": (
        HEADER + 'a,1,x\nb,2,"y\nc,3,w\nd,4,v\n',
        [(2, "a", "x"), (4, "c", "w"), (5, "d", "v")],
        [(3, NOT_CLOSED, 'b,2,"y')],
    ),
    "quote-not-closed-before-quotes": (
        HEADER + 'a,1,"x\nb,2,y\n"c",3,"w"\nd,4,"v\nv"\ne,5,"q""q"\n',
        [(3, "b", "y"), (4, "c", "w"), (5, "d", "v\nv"), (7, "e", 'q"q')],
        [(2, NOT_CLOSED, 'a,1,"x')],
    ),
    "quote-inside": (
        HEADER + 'a,1,5" disk\nb,2,"5" disk"\nc,3,"5"" disk"\n',
        [(2, "a", '5" disk'), (4, "c", '5" disk')],
        [(3, NOT_CLOSED, 'b,2,"5" disk"')],
    ),
    "quotes-of-another-kind": (
        HEADER + "a,1,'x, y'\nb,2,'y'\n",
        [(3, "b", "'y'")],
        [(2, "has 4 values", "a,1,'x, y'")],
    ),
    "lone-quotes-at-line-ends": (
        HEADER + 'a,1,"\n"\nb,2,"\n\n"\nc,3,""\nd,4,""""\n',
        [(2, "a", "\n"), (4, "b", "\n\n"), (7, "c", None), (8, "d", '"')],
        [],
    ),
    "not-utf8": (
        HEADER.encode() + b'a,1,x\nb,2,caf\xe9\nc,3,caf\xc3\xa9\nd,4,"\xff"\n',
        [(2, "a", "x"), (4, "c", "café")],
        [(3, NOT_UTF8, r"b,2,caf\xe9"), (5, NOT_UTF8, r'd,4,"\xff"')],
    ),
    "not-utf8-in-several-lines": (
        HEADER.encode() + b'a,1,"x\ncaf\xe9\ny"\nb,2,caf\xc3\xa9\n',
        [(5, "b", "café")],
        [(2, NOT_UTF8, 'a,1,"x\ncaf\\xe9\ny"')],
    ),
    "windows": (
        HEADER.encode() + b'a,1,caf\xe9\nb,2,"\x80 5\n\x93x\x94"\nc,3,\x81\n',
        [
            (2, "a", "café"),
            (3, "b", "€ 5\n\N{LEFT DOUBLE QUOTATION MARK}x\N{RIGHT DOUBLE QUOTATION MARK}"),
        ],
        [(5, NOT_UTF8, r"c,3,\x81")],
    ),
    "control-characters": (
        HEADER.encode() + b"a,1,x\x01\x1b\x7f\nb,2,y\x00y\nc,3,w\n",
        [(2, "a", "x\x01\x1b\x7f"), (4, "c", "w")],
        [(3, "holds a NUL character", r"b,2,y\x00y")],
    ),
    "mixed-line-ends": (
        'id,n,note\r\na,1,x\nb,2,y\r\nc,3,"p\r\nq"\r\n',
        [(2, "a", "x"), (3, "b", "y"), (4, "c", "p\r\nq")],
        [],
    ),
    "old-mac": ("id,n,note\ra,1,x\rb,2,y\r", [(2, "a", "x"), (3, "b", "y")], []),
    "only-a-header": ("id,n,note", [], []),
    "header-in-quotes": (
        '"id","n","a;b;c;d;e","note"\na,1,,x\n',
        [(2, "a", "x")],
        [],
    ),
    "header-in-two-lines": (
        'id,"n","more\nwords",note\na,1,,x\nb,2,,y,z\n',
        [(3, "a", "x")],
        [(4, "has 5 values, but the header has 4", "b,2,,y,z")],
    ),
    "header-with-spaces": ("id , n, note\na,1,x\n", [(2, "a", "x")], []),
    "header-repeats": ("id,note,note,\na,x,y,z\n", [(2, "a", "x")], []),
    "backslash": (HEADER + 'a,1,x\\\nb,2,"y\\"\n', [(2, "a", "x\\"), (3, "b", "y\\")], []),
    "words-for-null": (HEADER + "NULL,1,\\N\n", [(2, "NULL", "\\N")], []),
    "long-value": (
        HEADER + "a,1," + "x" * 3_000_000 + "\nb,2,y\n",
        [(2, "a", "x" * 3_000_000), (3, "b", "y")],
        [],
    ),
}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    landing = Landing(tmp_path_factory.mktemp("csv"))
    for name, (content, _, _) in CASES.items():
        landing.write(f"csv/{name}.csv", content)
    late = HEADER + MANY + 'u,1,"x\n' + MANY + "s,1,2,3\nt,1,last\n"
    landing.write("csv/late.csv", late)
    report = landing.load(stream("csv", COLUMNS))
    assert report.rejected == []
    notes = {note.file: note.reason for note in report.notes}
    assert set(notes) == {"csv/windows.csv", "csv/only-a-header.csv"}
    assert "was read as Windows-1252" in notes["csv/windows.csv"]
    return landing


@pytest.mark.parametrize("name", CASES)
def test_rows_and_problems(landing: Landing, name: str) -> None:
    _, rows, problems = CASES[name]
    file = f"csv/{name}.csv"
    found = [row for row in landing.rows("csv") if row["_source_file"] == file]
    assert [(row["_line"], row["id"], row["note"]) for row in found] == rows
    quarantined = [row for row in landing.quarantine("csv") if row["file"] == file]
    assert [(row["line"], row["text"]) for row in quarantined] == [
        (line, text) for line, _, text in problems
    ]
    for row, (_, reason, _) in zip(quarantined, problems, strict=True):
        assert row["reason"].startswith(reason)
        assert ";" in row["reason"], "a reason ends in what to do"


def test_a_quote_that_is_never_closed_swallows_nothing(landing: Landing) -> None:
    """DuckDB's reader returns 3,000 of these 6,003 rows and tells of none of the others."""
    query = "select count(*) as rows, max(_line) as last from raw.demo__csv where _source_file = ?"
    assert landing.query(query, "csv/late.csv") == [{"rows": 6001, "last": 6004}]
    problems = [row for row in landing.quarantine("csv") if row["file"] == "csv/late.csv"]
    assert [(row["line"], row["text"]) for row in problems] == [(3002, 'u,1,"x'), (6003, "s,1,2,3")]


def test_a_file_in_two_encodings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning looks like Windows-1252, and further down it is UTF-8."""
    monkeypatch.setattr(texts, "BLOCK_BYTES", 500)
    landing = Landing(tmp_path)
    content = HEADER.encode() + b"a,1,caf\xe9\n" + b"b,2,x\n" * 200 + "c,3,café\n".encode()
    landing.write("csv/x.csv", content)
    report = landing.load(stream("csv", COLUMNS))
    assert "in part UTF-8 and in part Windows-1252; save" in str(report.rejected[0])
    assert landing.rows("csv") == []


def test_the_wrong_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A header that lacks what every record needs is no row's fault: the file is refused."""
    landing = Landing(tmp_path_factory.mktemp("wrong"))
    contents = {
        "wrong": "ID,n,note\na,1,x\n",
        "title": "Export of May,,\nid,n,note\na,1,x\n",
        "comment": "# exported today\nid,n,note\na,1,x\n",
        "empty": "",
        "blank": " \n\n",
    }
    for name, content in contents.items():
        landing.write(f"wrong/{name}.csv", content)
    landing.write("dotted/x.csv", "a.b,Opened At\nk,2026-01-01\n")
    wrong = stream("wrong", COLUMNS)
    dotted = stream(
        "dotted",
        {"id": column(path="[a.b]", **ID), "at": column("date", path="[Opened At]", **ID)},
    )
    report = landing.load(wrong, dotted)
    reasons = {problem.file: problem.reason for problem in report.rejected}
    assert reasons["wrong/empty.csv"] == "is empty; export it again, or delete it"
    assert reasons["wrong/blank.csv"] == "is empty; export it again, or delete it"
    assert reasons["wrong/wrong.csv"] == (
        "its header has no 'id' (it has: ID, n, note); export that column, or name the right one "
        "in models/staging/demo/_demo__sources.yml"
    )
    assert "it has: Export of May, column_2" in reasons["wrong/title.csv"]
    assert "it has: # exported today" in reasons["wrong/comment.csv"]
    assert landing.rows("wrong") == []
    assert [row["id"] for row in landing.rows("dotted")] == ["k"]


def test_objects_in_cells(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As dumps of an API have them; what only looks like one never becomes a value."""
    landing = Landing(tmp_path_factory.mktemp("objects"))
    nested = {
        "id": column(**ID),
        "service": column(path=["service.name", "service"]),
        "n": column(),
    }
    landing.write(
        "objects/x.csv",
        'id,service,n\na,"{""name"": ""shop""}","[1, 2]"\nb,{broken,[FIRING:1] x\n'
        "c,{'name': 'shop'},1\nd,plain,{}\n"
        "e,['shop'],1\nf,['eu'] down,1\n",
    )
    landing.load(stream("objects", nested))
    assert [(row["id"], row["service"], row["n"]) for row in landing.rows("objects")] == [
        ("a", "shop", "[1,2]"),
        ("b", "{broken", "[FIRING:1] x"),
        ("d", "plain", "{}"),
        ("f", "['eu'] down", "1"),
    ]
    problems = landing.quarantine("objects")
    assert [problem["line"] for problem in problems] == [4, 6]
    for problem in problems:
        assert problem["reason"].startswith("has a value that looks like an object but isn't JSON")


NAMES = ["id", "title", "service", "opened", "ended", "seconds", "urgency", "team"]
ROWS = [
    [
        f"Q{n}", ("disk full", "queue grows", "latency")[n % 3], ("shop", "pay")[n % 2],
        f"2026-06-{n:02} 07:00", f"2026-06-{n:02} 08:00", str(60 + n), ("high", "low")[n % 2],
        ("team red", "team blue")[n % 2],
    ]
    for n in range(10, 22)
]  # fmt: skip
ODD = 5


def _shifts(row: list[str]) -> Iterator[list[str]]:
    """The row without each of its values but the last two, filled up at its end, and with a comma
    that isn't quoted in each, so that its last value is lost."""
    for place, value in enumerate(row[:-2]):
        yield [*row[:place], *row[place + 1 :], ""]
        yield [*row[:place], value, " again", *row[place + 1 : -1]]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_values_that_stand_beside_their_column(
    tmp_path_factory: pytest.TempPathFactory, delimiter: str
) -> None:
    """The contract has no type that would tell."""
    landing = Landing(tmp_path_factory.mktemp("beside"))
    shifts = list(_shifts(ROWS[ODD]))
    for number, shifted in enumerate(shifts):
        rows = [NAMES, *ROWS[:ODD], shifted, *ROWS[ODD + 1 :]]
        landing.write(f"beside/{number}.csv", "".join(delimiter.join(row) + "\n" for row in rows))
    beside = stream("beside", {name: column() for name in NAMES} | {"id": column(**ID)})
    landing.load(beside)
    problems = landing.quarantine("beside")
    assert [problem["line"] for problem in problems] == [ODD + 2] * len(shifts)
    assert all(one["reason"].startswith("has values that are shifted") for one in problems)
    first = next(problem for problem in problems if problem["file"] == "beside/0.csv")
    assert first["text"] == delimiter.join(f'"{value}"' for value in shifts[0])
    assert len(landing.rows("beside")) == len(shifts) * (len(ROWS) - 1)


@pytest.mark.parametrize(
    "unusual",
    [
        {"ended": "", "seconds": ""},
        {"ended": "", "seconds": "", "urgency": ""},
        {"seconds": "N/A", "ended": "N/A"},
        {"seconds": "unknown", "urgency": "unknown"},
        {"service": "search", "team": "team green"},
        {"title": "500", "ended": ""},
        {"title": "", "service": ""},
        {"title": "shop", "ended": ""},
        {"id": "manual entry", "ended": ""},
    ],
)
def test_an_unusual_row_is_no_shifted_one(tmp_path: Path, unusual: dict[str, str]) -> None:
    landing = Landing(tmp_path)
    row = dict(zip(NAMES, ROWS[ODD], strict=True)) | unusual
    rows = [NAMES, *ROWS[:ODD], list(row.values()), *ROWS[ODD + 1 :]]
    landing.write("unusual/x.csv", "".join(",".join(row) + "\n" for row in rows))
    landing.load(stream("unusual", {name: column() for name in NAMES}, key="id"))
    assert landing.quarantine("unusual") == []
    assert len(landing.rows("unusual")) == len(ROWS)


def test_very_many_columns(tmp_path_factory: pytest.TempPathFactory) -> None:
    landing = Landing(tmp_path_factory.mktemp("wide"))
    names = [f"c{number}" for number in range(600)]
    values = [f"v{number}" for number in range(600)]
    quoted = ",".join(f'"{value}"' for value in values)
    landing.write(
        "wide/x.csv", f"id,{','.join(names)}\na,{','.join(values)}\nb,{quoted}\nc,{quoted},\n"
    )
    columns: dict[str, Json] = {"id": column(**ID)} | {name: column() for name in names[::5]}
    landing.load(stream("wide", columns))
    for row in landing.rows("wide"):
        assert [row[name] for name in names[::5]] == values[::5]
    assert [row["id"] for row in landing.rows("wide")] == ["a", "b"]
    assert [row["line"] for row in landing.quarantine("wide")] == [4]
