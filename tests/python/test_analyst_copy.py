"""The analysts' copy: readable while a run writes, swapped at once, never half there."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.publish.analyst_copy import Mart, publish_copy

MARTS = [Mart("fct_things", '"marts"."fct_things"', 'It\'s a "thing".', {"n": "A number's name."})]

WRITER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("begin; insert into marts.fct_things select 999")
print("writing", flush=True)
sys.stdin.readline()
con.execute("commit")
"""


def fill(warehouse: Path, count: int) -> None:
    with duckdb.connect(str(warehouse)) as con:
        con.execute("create schema if not exists marts")
        con.execute(
            f"create or replace table marts.fct_things as select n from range({count}) t(n)"
        )


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    fill(path, 10)
    return path


def count(database: Path) -> int:
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute("select count(*) from fct_things").fetchall()[0][0]


def test_analysts_read_while_another_process_writes(warehouse: Path, tmp_path: Path) -> None:
    copy = publish_copy(warehouse, tmp_path / "published", MARTS)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as writer:  # fmt: skip
        assert writer.stdout
        assert writer.stdout.readline() == "writing\n"
        with pytest.raises(duckdb.IOException):
            duckdb.connect(str(warehouse), read_only=True)
        assert count(copy.database) == 10
        writer.communicate("\n", timeout=30)
    assert writer.returncode == 0


def test_an_open_reader_keeps_its_copy_and_blocks_nothing(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    first = publish_copy(warehouse, folder, MARTS)
    with duckdb.connect(str(first.database), read_only=True) as reader:
        fill(warehouse, 20)
        second = publish_copy(warehouse, folder, MARTS)
        assert second.changed
        assert reader.execute("select count(*) from fct_things").fetchall() == [(10,)]
    assert count(second.database) == 20
    parquet = f"{second.parquet}/fct_things.parquet"
    with duckdb.connect() as con:
        assert con.execute("select count(*) from read_parquet($1)", [parquet]).fetchall() == [(20,)]


def test_equal_content_is_published_once(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    first = publish_copy(warehouse, folder, MARTS)
    version = first.database.resolve()
    second = publish_copy(warehouse, folder, MARTS)
    assert not second.changed
    assert second.database.resolve() == version


def test_going_back_to_an_older_content_is_published(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    publish_copy(warehouse, folder, MARTS)
    fill(warehouse, 20)
    publish_copy(warehouse, folder, MARTS)
    fill(warehouse, 10)
    assert publish_copy(warehouse, folder, MARTS).changed
    assert count(folder / "current" / "paydown.duckdb") == 10


def test_a_failed_publication_leaves_the_current_copy(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    publish_copy(warehouse, folder, MARTS)
    missing = [*MARTS, Mart("gone", '"marts"."gone"', "", {})]
    with pytest.raises(duckdb.CatalogException):
        publish_copy(warehouse, folder, missing)
    assert count(folder / "current" / "paydown.duckdb") == 10
    assert [p for p in folder.iterdir() if p.name.startswith(".building")] == []


def test_the_copy_is_read_only_and_described(warehouse: Path, tmp_path: Path) -> None:
    copy = publish_copy(warehouse, tmp_path / "published", MARTS)
    assert stat.S_IMODE(copy.database.stat().st_mode) == 0o444
    with duckdb.connect(str(copy.database), read_only=True) as con:
        assert con.execute("select comment from duckdb_tables()").fetchall() == [
            ('It\'s a "thing".',)
        ]


def test_one_older_copy_is_kept(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    for size in (1, 2, 3, 4):
        fill(warehouse, size)
        publish_copy(warehouse, folder, MARTS)
    versions = [p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()]
    assert len(versions) == 2
    assert count(folder / "current" / "paydown.duckdb") == 4
