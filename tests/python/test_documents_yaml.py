"""Reading YAML: right lines, plain values, and no document that can hurt."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.documents.problems import DocumentError
from orchestration.documents.readers import read_yaml
from orchestration.documents.text import MAX_BYTES, Chunk, read_text, split_documents
from orchestration.documents.yaml_lines import MAX_DEPTH, MAX_NODES, parse

LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]\n"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP_ALIASES = "a0: &a0 [x]\n" + "".join(
    f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 60)
)


def value(text: str) -> object:
    return parse(Chunk(1, text)).value


def problem(text: str) -> tuple[int, str]:
    with pytest.raises(DocumentError) as caught:
        parse(Chunk(1, text))
    return caught.value.problems[0].line, str(caught.value.problems[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: 5", 5),
        ("x: -3   # comment", -3),
        ("x: 14.4", 14.4),
        ("x: 1.5e3", 1500.0),
        ("x: 0012345", "0012345"),
        ("x: 1e10", "1e10"),
        ("x: 12345678901234567890", "12345678901234567890"),
        ("x: 14:30", "14:30"),
        ("x: .nan", ".nan"),
        ("x: 2025-01-15", "2025-01-15"),
        ("x: yes", "yes"),
        ("x: no", "no"),
        ("x: True", True),
        ("x: ~", None),
        ("x:", None),
        ("x: '5'", "5"),
        ("x: [a, b]", ["a", "b"]),
        ("x: !!str 5", "5"),
        ("x: |\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    assert value(text) == {"x": expected}


def test_keys_keep_their_text() -> None:
    assert value("on: 1\n1: 2\ntrue: 3") == {"on": 1, "1": 2, "true": 3}


def test_every_place_has_its_line() -> None:
    document = parse(Chunk(11, "a:\n  b: 1\n  c:\n    - x\n    - d: 2\n"))
    assert document.line_of(("a",)) == 11
    assert document.line_of(("a", "b")) == 12
    assert document.line_of(("a", "c", 1)) == 15
    assert document.line_of(("a", "c", 1, "d", "unknown")) == 15
    assert document.line_of(("nowhere",)) == 11


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "given twice, first on line 1"),
        ("a:\n  b: 1\n  'b': 2\n", 3, "a.b: the key is given twice"),
        ("a: 1\nb: 'open\nc: 2\n", 2, "close the quote"),
        ("a: 1\nb: [1, 2\n", 2, "close the quote or bracket"),
        ("a: 1\nb: [1,\n  2\n\n\n", 2, "close the quote or bracket"),
        ("a:\n\tb: 1\n", 2, "indent with spaces"),
        ("a: x: y\n", 1, "put the value in quotes"),
        (
            "a: 1\nname: {{ .Values.name }}\n",
            2,
            "a template of Jinja, Helm or the like is not a docum",
        ),
        ("a: 1\n{%- if values.x %}\n", 2, "is not a document; move it elsewhere"),
        ("a: 1\nb\nc: 2\n", 3, "key: value"),
        ("a: *nothing\n", 1, "undefined alias"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "holds the tag"),
        ("a: !custom x\n", 1, "holds the tag !custom"),
        ("a: !!timestamp 2025-01-01\n", 1, "holds the tag"),
        ("a: 1\nb: !!int x\n", 2, "int on 'x'"),
        ("{a: 1}: 2\n", 1, "a key that is not plain text"),
        ("x:\n  <<: 5\n", 2, "merge key << of something other"),
        ('a: "\\0"\n', 1, "control character U+0000"),
        ('a: "\\ud800"\n', 1, "control character U+D800"),
        ('a: "\\U00110000"\n', 1, "names no character"),
        ("a: &a [*a]\n", 1, "levels of nesting"),
        ("a: 1\n" + "b: " + "[" * (MAX_DEPTH + 1), 2, "levels of nesting"),
    ],
)
def test_a_problem_is_named_with_its_line(text: str, line: int, words: str) -> None:
    found, message = problem(text)
    assert words in message
    assert found == line


@pytest.mark.parametrize(
    ("bomb", "words"),
    [
        (LAUGHS, f"more than {MAX_NODES:,} values"),
        (DEEP_ALIASES, "levels of nesting"),
        ("[" * 100_000, "levels of nesting"),
        ("a: " + "{b: " * 100_000, "levels of nesting"),
        ("- " * 100_000, "levels of nesting"),
    ],
)
def test_bombs_are_refused_before_they_cost_anything(bomb: str, words: str) -> None:
    before = time.monotonic()
    assert words in problem(bomb)[1]
    assert time.monotonic() - before < 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a [1, 2]\nb: [*a, *a]\n", {"a": [1, 2], "b": [[1, 2], [1, 2]]}),
        ("a: &a {x: 1}\nb: {<<: *a}\n", {"a": {"x": 1}, "b": {"x": 1}}),
        (
            "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\n",
            {"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"x": 1, "y": 1, "z": 3}},
        ),
        ("'<<': 1\n", {"<<": 1}),
    ],
)
def test_aliases_and_merge_keys_are_written_out(text: str, expected: object) -> None:
    assert value(text) == expected


def test_documents_are_cut_at_their_markers() -> None:
    text = "# licence\n%YAML 1.2\n---\na: 1\n--- {b: 2}\n...\n# end\n---\n\nc: |\n  ---\n----: 3\n"
    chunks = split_documents(text)
    assert [chunk.first_line for chunk in chunks] == [4, 5, 10]
    assert [parse(chunk).value for chunk in chunks] == [
        {"a": 1},
        {"b": 2},
        {"c": "---\n", "----": 3},
    ]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a: \xc3\xa4\nb: \xff\xfe\n", 2, "0xff is not UTF-8"),
        (b"a: 1\nb: \x81\n", 2, "0x81 is neither UTF-8 nor Windows-1252"),
        ("a: 1\n".encode("utf-16-le"), 1, "control character U+0000"),
        ("a: 1\n".encode("utf-16") + b"\n", 2, "not UTF-16"),
        (b"a: 1\n\nb: \x00\n", 3, "control character U+0000"),
        (b"a: \x1b[31mred\n", 1, "control character U+001B"),
        (b"x" * (MAX_BYTES + 1), 1, "the limit is 5,000,000"),
    ],
)
def test_what_is_not_text_is_refused(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    with pytest.raises(DocumentError) as caught:
        read_text(path)
    assert caught.value.problems[0].line == line
    assert words in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_byte_order_mark_and_line_ends_of_windows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes("a: 1\r\nb: é\r\n".encode(encoding))
    assert read_text(path) == "a: 1\nb: é\n"


def test_the_items_of_a_list_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        "a: 1\n---\nkind: List\nitems:\n- b: 1\n- c\n---\nkind: List\nitems: x\n---\nd: [\n"
    )
    lines = list(read_yaml(path))
    assert [(line.line, line.text) for line in lines[:-1]] == [
        (1, '{"a": 1}'), (5, '{"b": 1}'), (6, '"c"'), (8, '{"kind": "List", "items": "x"}'),
    ]  # fmt: skip
    assert "is not YAML" in str(lines[-1].reason)


@given(st.text(alphabet=st.sampled_from(" \n\t-:[]{}&*!|>'\"#%ab1<.\\u0"), max_size=60))
def test_any_text_is_a_value_or_a_document_error(text: str) -> None:
    lines = [1]
    for chunk in split_documents(text):
        try:
            lines += parse(chunk).lines.values()
        except DocumentError as error:
            lines += [problem.line for problem in error.problems]
    assert min(lines) >= 1
    assert max(lines) <= text.count("\n") + 1
