"""The guide for a source of one's own, followed to the letter in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from markdown_it import MarkdownIt

from orchestration.configuration import READERS
from orchestration.loader.contract import COLUMN_KEYS, TABLE_KEYS, TYPES

from .flow_helpers import ROOT

GUIDE = ROOT / "docs" / "guides" / "bring-your-own-source.md"
NOT_COPIED = (
    ".git", ".venv*", ".paydown", ".hypothesis", "__pycache__", "target", "samples", "python",
)  # fmt: skip
MARK = "-- block --"
SEVERAL = "Several services an incident"


@dataclass(frozen=True)
class Block:
    """A block of code; `file` is the name that the paragraph before it consists of."""

    language: str
    file: str
    text: str


def blocks(section: str = "") -> Iterator[Block]:
    """Those below the heading of another shape, or else all that are below none of these."""
    before, below, is_heading = "", "", False
    for token in MarkdownIt().enable("table").parse(GUIDE.read_text(encoding="utf-8")):
        if token.type == "fence" and below == section:
            named = re.fullmatch(r"`([^`]+)`:", before)
            yield Block(token.info, named[1] if named else "", token.content)
            before = ""
        elif token.type == "heading_open":
            is_heading = True
        elif token.type == "inline":
            before = token.content
            if is_heading:
                below = before if before == SEVERAL else ""
            is_heading = False


def run(project: Path, script: str) -> str:
    """What a script prints where the project is, none of our own settings reaching it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PAYDOWN_", "DAGSTER_"))}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=project,
        env={**kept, "COLUMNS": "160", "PYTHONPATH": str(project)},
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with all that the guide says is to be written."""
    copy = tmp_path / "paydown"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (copy / ".venv").symlink_to(Path(sys.executable).parent.parent)
    write(copy, blocks())
    return copy


def write(copy: Path, found: Iterator[Block]) -> None:
    for block in found:
        path = copy / block.file
        if block.language == "diff":
            command = ["git", "apply", "-"]
            subprocess.run(command, cwd=copy, input=block.text, text=True, check=True)
        elif block.file:
            path.parent.mkdir(parents=True, exist_ok=True)
            assert not path.exists()
            path.write_text(block.text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_it_says_comes_out(project: Path) -> None:
    script = ["set -e"]
    expected: list[str] = []
    for block in blocks():
        if block.language == "console":
            script += [f"echo '{MARK}'", block.text]
            expected.append("")
        elif block.language == "text":
            expected[-1] += block.text
    found = run(project, "\n".join(script)).split(MARK)[1:]
    assert len(found) == len(expected) >= 2
    for said, wanted in zip(found, expected, strict=True):
        assert wanted
        lines = [" ".join(line.split()) for line in said.splitlines()]
        for line in wanted.splitlines():
            assert any(" ".join(line.split()) in one for one in lines), f"{line}\n\n{said}"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_several_services_an_incident(project: Path) -> None:
    changes = list(blocks(SEVERAL))
    write(project, iter(changes))
    (export,) = project.glob("landing/pager/outages/*.json")
    outage = {
        "id": "O-1", "services": [{"name": "checkout"}, "cart"], "title": "500", "state": "closed",
        "begin": "10.06.2026 09:00", "end": "10.06.2026 10:30",
        "changed_at": "2026-06-10T08:31:00Z",
    }  # fmt: skip
    older = outage | {"state": "open", "end": "", "changed_at": "2026-06-10T07:04:00Z"}
    export.write_text(json.dumps({"data": {"items": [older, outage]}}))
    home = project / ".paydown" / "several"
    run(
        project,
        f"PAYDOWN_LANDING=landing PAYDOWN_HOME={home} PAYDOWN_AS_OF=2026-06-26T16:00:00Z "
        ".venv/bin/paydown run",
    )
    with duckdb.connect(str(home / "published/current/paydown.duckdb"), read_only=True) as mart:
        rows = mart.sql(
            "select incident_id, service_id, elapsed_seconds from fct_incidents order by all"
        ).fetchall()
    assert [row[0] for row in rows] == changes[-1].text.split()
    assert rows == [
        ("pager:O-1/cart", "uncatalogued:cart", 5400),
        ("pager:O-1/checkout", "component:default/checkout", 5400),
    ]


def test_its_tables_name_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    _, of_tables, of_columns = re.split(r"^## Keys of a .*$", text, flags=re.MULTILINE)
    for section, keys in ((of_tables, TABLE_KEYS), (of_columns, COLUMN_KEYS)):
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == keys
    assert all(f"`{reader}`" in of_tables for reader in READERS)
    assert all(f"`{name}`" in of_columns for name in TYPES)
