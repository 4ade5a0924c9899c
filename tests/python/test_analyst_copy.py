"""The analysts' copy: readable while a run writes, replaced atomically, never half a copy."""

from __future__ import annotations

import stat
import subprocess
import sys
import venv
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from orchestration.publish.analyst_copy import Mart, PublishedCopy, public_marts, publish_copy
from orchestration.warehouse import FileWarehouse, WarehouseBusyError, connected
from orchestration.warehouse.file import copy_warehouse

from .flow_helpers import Demo

MART = Mart("fct_things", "marts.fct_things", 'It\'s a "thing".', {"n": "A number's name."})
WRITER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("insert into marts.fct_things select 998")
con.execute("begin; insert into marts.fct_things select 999")
print("writing", flush=True)
sys.stdin.readline()
con.execute("commit")
"""


@dataclass
class Site:
    warehouse: Path
    folder: Path

    def fill(self, count: int) -> None:
        with duckdb.connect(str(self.warehouse)) as con:
            con.execute("create schema if not exists marts; drop table if exists marts.fct_things")
            con.execute(f"create table marts.fct_things as select n from range({count}) t(n)")

    def publish(self, *marts: Mart) -> PublishedCopy:
        return publish_copy(
            FileWarehouse(self.warehouse, self.folder), self.folder, marts or [MART]
        )

    def versions(self) -> list[Path]:
        return [p for p in self.folder.iterdir() if p.is_dir() and not p.is_symlink()]

    def writer(self) -> subprocess.Popen[str]:
        """A process that has the warehouse open, until it is told to go on."""
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(self.warehouse)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        return process


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "warehouse.duckdb", tmp_path / "published")
    site.fill(10)
    return site


def ask(database: Path, sql: str = "select count(*) from fct_things") -> list[tuple[object, ...]]:
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_analysts_read_while_another_process_writes(site: Site) -> None:
    copy = site.publish()
    with site.writer() as writer:
        with (
            pytest.raises(WarehouseBusyError, match=f"process {writer.pid}.*current/paydown"),
            connected(site.warehouse, read_only=True),
        ):
            pass
        assert ask(copy.database) == [(10,)]
        writer.communicate("\n", timeout=30)
    assert writer.returncode == 0


def test_a_warehouse_is_copied_as_of_its_last_commit_however_its_writer_ended(
    site: Site, tmp_path: Path
) -> None:
    copy = tmp_path / "copy" / "warehouse.duckdb"
    copy.parent.mkdir()
    with site.writer() as writer:
        with pytest.raises(WarehouseBusyError):
            copy_warehouse(site.warehouse, copy)
        writer.kill()
    copy_warehouse(site.warehouse, copy)
    assert ask(copy, "select count(*), max(n) from marts.fct_things") == [(11, 998)]


LOADER = """
import sys, pathlib
from orchestration.warehouse import FileWarehouse
path = pathlib.Path(sys.argv[1])
with FileWarehouse(path, path.with_name("work") / "deep").opened() as session:
    session.execute("insert into marts.fct_things select 1")
"""


def test_of_loaders_that_start_together_each_has_its_turn(site: Site) -> None:
    command = [sys.executable, "-c", LOADER, str(site.warehouse)]
    loaders = [subprocess.Popen(command) for _ in range(6)]
    assert [loader.wait(60) for loader in loaders] == [0] * 6
    assert ask(site.warehouse, "select count(*) from marts.fct_things") == [(16,)]


def test_an_open_reader_keeps_its_copy_and_blocks_nothing(site: Site) -> None:
    first = site.publish()
    with duckdb.connect(str(first.database), read_only=True) as reader:
        site.fill(20)
        second = site.publish()
        assert second.changed
        assert reader.execute("select count(*) from fct_things").fetchall() == [(10,)]
    assert ask(second.database) == [(20,)]
    parquet = second.database.with_name("parquet") / "fct_things.parquet"
    assert ask(second.database, f"select count(*) from '{parquet}'") == [(20,)]


def test_only_what_differs_is_published_and_one_older_copy_kept(site: Site) -> None:
    counts = (1, 2, 3, 1, 1)
    changed = []
    for count in counts:
        site.fill(count)
        copy = site.publish()
        changed.append(copy.changed)
        assert ask(copy.database) == [(count,)]
    assert changed == [True, True, True, True, False]
    assert len(site.versions()) == 2
    # A description that changed is content too; what a killed run left is no previous copy.
    (site.folder / ".building").mkdir()
    previous = copy.database.resolve()
    assert site.publish(replace(MART, description="Things.")).changed
    assert previous.exists()
    assert len(site.versions()) == 2


def test_a_failed_publication_leaves_the_current_copy(site: Site) -> None:
    copy = site.publish()
    with pytest.raises(duckdb.CatalogException):
        site.publish(MART, Mart("gone", "marts.gone", "", {}))
    assert ask(copy.database) == [(10,)]
    assert [p for p in site.folder.iterdir() if p.name.startswith(".building")] == []


def test_the_copy_is_read_only_and_described(site: Site) -> None:
    copy = site.publish()
    assert stat.S_IMODE(copy.database.stat().st_mode) == 0o444
    comments = "select comment from duckdb_tables() union all select comment from duckdb_columns()"
    assert ask(copy.database, f"select * from ({comments}) where comment is not null") == [
        (MART.description,),
        ("A number's name.",),
    ]


def test_keys_are_named_in_the_comments_of_columns() -> None:
    references = {"b_id": {"to": "ref('dim_b')", "field": "b_id"}}
    rules: dict[str, object] = {"key": "a_id", "relationships": references}
    names = ("a_id", "b_id", "n")
    mart = {
        "resource_type": "model", "unique_id": "model.a", "access": "public", "name": "a",
        "schema": "marts", "alias": "a", "description": "", "columns": {
            name: {"name": name, "description": f"{name}."} for name in names},
    }  # fmt: skip
    test = {
        "resource_type": "test",
        "attached_node": "model.a",
        "test_metadata": {"name": "rules", "kwargs": rules},
    }
    (found,) = public_marts({"nodes": {"model.a": mart, "test.a": test}})
    assert dict(found.columns) == {
        "a_id": "a_id. Primary key.", "b_id": "b_id. References dim_b.b_id.", "n": "n.",
    }  # fmt: skip
    rules["key"] = ["b_id", "n"]
    (found,) = public_marts({"nodes": {"model.a": mart, "test.a": test}})
    assert dict(found.columns) == {
        "a_id": "a_id.",
        "b_id": "b_id. Part of the primary key. References dim_b.b_id.",
        "n": "n. Part of the primary key.",
    }


OLDEST = "1.0.0"
OLD_CLIENT = """
import sys, duckdb
assert duckdb.__version__ == sys.argv[2]
con = duckdb.connect(sys.argv[1], read_only=True)
tables = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
print(len(tables), sum(len(con.execute(f'select * from "{t}"').fetchall()) for t in tables))
print(con.execute("select count(comment) from duckdb_columns() where not internal").fetchone()[0])
"""


@pytest.mark.slow
def test_the_oldest_client_of_the_last_two_major_versions_reads_it(
    demo: Demo, tmp_path: Path
) -> None:
    """An environment of its own, from PyPI, with DuckDB 1.0.0: ours is 2."""
    venv.create(tmp_path / "old", with_pip=True)
    python = tmp_path / "old" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:"]
    made = subprocess.run([*install, f"duckdb=={OLDEST}"], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"PyPI gives no duckdb {OLDEST} for this Python: {made.stderr[-200:]}")
    command = [str(python), "-c", OLD_CLIENT, str(demo.site.published), OLDEST]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    counted, comments = read.stdout.splitlines()
    names = [name for (name,) in demo.site.query("select table_name from duckdb_tables()")]
    rows = sum(demo.site.query(f"select count(*) from {name}")[0][0] for name in names)
    assert counted == f"{len(names)} {rows}"
    assert int(comments) > 400
