"""`paydown quarantine` as it is typed, over a warehouse of its own and a contract without dbt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from orchestration import cli, dbt_project
from orchestration.cli.quarantine import pretty, shown

from .loader_helpers import ID, Json, Landing, column, stream

Command = Callable[..., Result]


def node(*formats: str, name: str = "s", **keys: str) -> Json:
    columns = {"id": column(**ID), "at": column("timestamp", formats=["iso", *formats])}
    return stream(name, columns, **keys)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    landing = Landing(tmp_path)
    rows: list[Json] = [{"id": str(n), "at": f"{n}/6/2026", "n": 1.10} for n in range(3)]
    landing.write("s/dates.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    landing.write("t/odd\x1b[2J.ndjson", '{"id": "x"}\n{"id": "\x1b]0;owned\x07\u202e\u009b31m"\n')
    landing.load(node(), node(name="t"))
    return landing


@pytest.fixture
def paydown(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("PAYDOWN_HOME", str(landing.home))
    monkeypatch.setenv("PAYDOWN_LANDING", str(landing.roots["landing"]))
    monkeypatch.setenv("COLUMNS", "80")
    nodes = {"nodes": [node(), node(name="t")]}
    # Imported for the first time below, they would keep the stand-in for every test after these.
    for module in ("orchestration.steps", "orchestration.rescore"):
        import_module(module)
    monkeypatch.setattr(
        dbt_project,
        "manifest",
        lambda _: {"sources": {one["identifier"]: one for one in nodes["nodes"]}},
    )

    def run(*arguments: str, contracts: list[Json] | None = None) -> Result:
        nodes["nodes"] = contracts or nodes["nodes"]
        return CliRunner().invoke(cli.app, ["quarantine", *arguments])

    return run


def ids(paydown: Command) -> dict[str, str]:
    rows: list[dict[str, Any]] = json.loads(paydown("list", "--each", "--all", "--json").output)
    return {f"{row['stream']}:{row['line']}": row["id"] for row in rows}


def test_list(landing: Landing, paydown: Command) -> None:
    result = paydown("list")
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    assert "\x1b" not in result.output
    lines = [line.rstrip() for line in result.output.splitlines()]
    known = ids(paydown)
    assert lines == [
        f"{known['t:2'][:12]} demo.t",
        r"  1 open (t/odd\x1b[2J.ndjson:2): is not JSON; correct the line and load the",
        "  file again",
        f"{known['s:1'][:12]} demo.s",
        "  3 open (such as s/dates.ndjson:1, at='0/6/2026'): at is not a timestamp as",
        "  iso; correct the value, or its format in",
        "  models/staging/demo/_demo__sources.yml",
        "4 open, 0 settled since",
        "paydown quarantine show ID shows one, paydown quarantine replay reads again",
    ]

    _, kind = json.loads(paydown("list", "--json", "--source", "demo").output)
    assert (kind["field"], kind["open"], kind["settled"], kind["files"]) == ("at", 3, 0, 1)
    assert kind["id"] == known["s:1"], "the first line of the newest"
    assert paydown("list", "--source", "other").output.strip() == "0 open, 0 settled since (other)"

    landing.write("s/later.ndjson", '{"id": ""}\n')
    landing.load(node(), node(name="t"))
    assert "(s/later.ndjson:1)" in paydown("list", "--each").output.splitlines()[1]


def test_show(paydown: Command, tmp_path: Path) -> None:
    known = ids(paydown)
    text = paydown("show", known["s:2"][:6]).output
    for name, value in {
        "id": known["s:2"][:12],
        "stream": "demo.s",
        "file": "s/dates.ndjson",
        "line": "2",
        "state": "open",
        "field": "at",
        "value": "1/6/2026",
        "reason": "at is not a timestamp as iso",
        "fix": "correct the value, or its format in",
    }.items():
        assert f"{name:<10}{value}" in text
    assert '{\n  "id": "1",\n  "at": "1/6/2026",\n  "n": 1.1\n}' in text, "laid out"
    assert f"paydown quarantine replay {known['s:2'][:12]}\n" in text

    odd = paydown("show", known["t:2"]).output
    assert r'{"id": "\x1b]0;owned\x07\u202e\x9b31m"' in odd
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(odd)

    saved = tmp_path / "record.json"
    assert paydown("show", known["t:2"], "--save", str(saved)).exit_code == 0
    assert saved.read_text() == '{"id": "\x1b]0;owned\x07\u202e\u009b31m"', "to the letter"
    again = paydown("show", known["t:2"], "--save", str(saved))
    assert again.exit_code == 1
    assert "can't be written (File exists)" in " ".join(again.output.split())
    missing = paydown("show", "0000")
    assert missing.exit_code == 1
    assert missing.output.startswith("0000: no quarantined record has this id; ")


def test_replay(landing: Landing, paydown: Command, tmp_path: Path) -> None:
    known = ids(paydown)
    same = paydown("replay")
    assert same.exit_code == 1
    assert same.output.startswith("4 still in quarantine\n")
    day_first = [node("%d/%m/%Y", dates="day_first"), node(name="t")]
    mended = paydown("replay", known["s:2"], contracts=day_first)
    assert (mended.exit_code, mended.output) == (0, "1 loaded; `paydown run` counts them\n")
    rest = paydown("replay", "--source", "demo", contracts=day_first)
    assert rest.exit_code == 1
    assert rest.output.startswith("1 loaded; `paydown run` counts them\n2 still in quarantine\n")
    correction = tmp_path / "record.json"
    correction.write_text('{"id": "y"}')
    assert paydown("replay", known["t:2"], "--with", str(correction)).exit_code == 0
    settled = paydown("replay", known["t:2"], "--with", str(correction))
    assert settled.output == "1 settled before, left unchanged\n"
    assert [row["id"] for row in landing.rows("t")] == ["x", "y"]
    assert sorted(row["id"] for row in landing.rows("s")) == ["1", "2"]
    assert "1 open, 3 settled since" in paydown("list").output
    assert "replayed (s/dates.ndjson:2" in paydown("list", "--all", "--each").output
    assert landing.unaccounted(*day_first) == []


def test_a_contract_that_is_wrong(paydown: Command) -> None:
    wrong = node() | {"columns": {"id": column("money", **ID) | {"name": "id"}}}
    result = paydown("replay", contracts=[wrong])
    assert result.exit_code == 1
    assert "Input should be 'varchar', 'bigint'," in " ".join(result.output.split())


def test_no_warehouse(landing: Landing, paydown: Command) -> None:
    nothing = (1, "nothing was loaded yet; run `paydown run`\n")
    landing.warehouse.unlink()
    for command in (["list"], ["show", "0000"], ["replay"]):
        result = paydown(*command)
        assert (result.exit_code, result.output) == nothing
    with duckdb.connect(str(landing.warehouse)):
        pass
    for command in (["list"], ["show", "0000"], ["replay"]):
        result = paydown(*command)
        assert (result.exit_code, result.output) == nothing


BUSY = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


def test_a_warehouse_that_a_run_is_writing(landing: Landing, paydown: Command) -> None:
    command = [sys.executable, "-c", BUSY, str(landing.warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout
        run.stdout.readline()
        for command in (["list"], ["show", "0000"], ["replay"]):
            result = paydown(*command)
            assert result.exit_code == 1
            assert result.output.startswith("another program has the warehouse open, such as")
        run.communicate()
    assert paydown("list").exit_code == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "{}"),
        ('{"a":[],"b":{}}', '{\n  "a": [],\n  "b": {}\n}'),
        ("[12345678901234567890]", "[\n  12345678901234567890\n]"),
        ("[1.10, 1e400]", "[1.10, 1e400]"),
        ('{"a": 1, "a": null}', '{"a": 1, "a": null}'),
        ("not, {json]", "not, {json]"),
        ('"text"', '"text"'),
    ],
)
def test_pretty(text: str, expected: str) -> None:
    assert pretty(text) == expected


def test_shown() -> None:
    assert shown("é\x00\x1b\x7f\u200b\n") == r"é\x00\x1b\x7f\u200b\x0a"
    assert shown("a\n\tb\r", kept="\n\t") == "a\n\tb\\x0d"
