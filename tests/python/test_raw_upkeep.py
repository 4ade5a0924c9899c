"""What people do to `raw` and to marts: compaction loses nothing, and people can be left out."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from .dbt_in_process import Dbt
from .flow_helpers import Demo, Site, ask
from .postgres_helpers import differences

DATA = ("--exclude-resource-type", "unit_test")
ROWS = "select sum(estimated_size) from duckdb_tables() where schema_name = 'raw'"
COMPACTED = "select coalesce(sum(rows_compacted), 0) from raw.loads"
# Where the demo's people stand in raw.
PEOPLE = """
    select distinct user_name as said from raw.pagerduty__log_entries where user_name is not null
    union select email from raw.backstage__entities where email is not null
"""


@pytest.fixture
def copied(demo: Demo, tmp_path: Path) -> Path:
    """The demo's warehouse, to be changed."""
    assert demo.first.returncode == 0, demo.first.stdout + demo.first.stderr
    return Path(shutil.copy(demo.site.warehouse, tmp_path / "warehouse.duckdb"))


def compact(dbt: Dbt, file: Path, days: int) -> int:
    """Compact, as an operator does: how many rows were deleted so far."""
    dbt("run-operation", "compact_raw", "--args", f"{{days: {days}}}", warehouse=file)
    return int(ask(file, COMPACTED)[0][0])


def add_versions(file: Path) -> None:
    """An older version of each record of a stream, a second copy, and a document's older text."""
    with duckdb.connect(str(file)) as con:
        for load_id, stream, status, rows in (
            ("older", "incidents", "loaded", "updated_at - interval 1 hour as updated_at"),
            ("copies", "incidents", "loaded", "updated_at as updated_at"),
        ):
            con.execute(
                f"insert into raw.pagerduty__incidents by name select * replace ({rows}, "
                f"'{load_id}' as _load_id, _loaded_at + interval 1 minute as _loaded_at) "
                "from raw.pagerduty__incidents where _load_id not in ('older', 'copies')"
            )
            con.execute(
                "insert into raw.loads by name select _load_id, 'pagerduty' as source, "
                f"'{stream}' as stream, _load_id || '.ndjson' as file, _load_id as sha256, "
                f"'{status}' as status, count(*) as records, count(*) as rows_loaded, "
                "0 as rows_quarantined, max(_loaded_at) as _loaded_at "
                f"from raw.pagerduty__incidents where _load_id = '{load_id}' group by all"
            )
        con.execute(
            "insert into raw.postmortems__postmortems by name select * replace ('was' as _load_id, "
            "'another title' as title) from raw.postmortems__postmortems limit 1"
        )
        con.execute(
            "insert into raw.loads by name select * replace ('was' as _load_id, 1 as records, "
            "1 as rows_loaded, 0 as rows_quarantined, _loaded_at - interval 1 day as _loaded_at) "
            "from raw.loads where stream = 'postmortems' and rows_loaded = 1 and file = (select "
            "_source_file from raw.postmortems__postmortems where _load_id = 'was') limit 1"
        )


@pytest.mark.slow
def test_compaction_changes_no_mart(dbt: Dbt, copied: Path, tmp_path: Path) -> None:
    add_versions(copied)
    dbt("build", *DATA, warehouse=copied)
    (tmp_path / "before").mkdir()
    before = Path(shutil.copy(copied, tmp_path / "before" / "warehouse.duckdb"))
    assert compact(dbt, copied, 400) == 0
    incidents = "select count(*) from raw.pagerduty__incidents"
    (stored,), (records,) = ask(copied, incidents)[0], ask(
        copied, "select count(distinct id) from raw.pagerduty__incidents"
    )[0]  # fmt: skip
    deleted = compact(dbt, copied, 0)
    assert ask(copied, "select * from raw.postmortems__postmortems where _load_id = 'was'") == []
    assert ask(copied, "select rows_compacted from raw.loads where _load_id = 'was'") == [(1,)]
    # One that counts to the load that brought it, and one that staging takes.
    assert records <= ask(copied, incidents)[0][0] <= 2 * records < stored
    assert compact(dbt, copied, 0) == deleted >= stored - 2 * records
    dbt("build", *DATA, warehouse=copied)
    assert differences(before, copied, "paydown_marts") == []


def test_days_that_are_no_number_are_refused(dbt: Dbt, copied: Path) -> None:
    with pytest.raises(AssertionError, match="say a number of days, such as 400"):
        dbt("run-operation", "compact_raw", "--args", "{days: soon}", warehouse=copied)


@pytest.mark.parametrize("people", ["hashed", pytest.param("dropped", marks=pytest.mark.slow)])
def test_no_mart_names_people(people: str, dbt: Dbt, copied: Path) -> None:
    names = {said.lower() for (said,) in ask(copied, PEOPLE)}
    assert len(names) > 10

    def named() -> set[str]:
        """Marts' columns that hold one of the names."""
        columns = ask(
            copied,
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'paydown_marts' and data_type = 'VARCHAR'",
        )
        found = set()
        for mart, column in columns:
            values = ask(copied, f'select distinct lower("{column}") from paydown_marts.{mart}')
            if any(name in value for (value,) in values if value for name in names):
                found.add(f"{mart}.{column}")
        return found

    assert "fct_pages.responder_name" in named()
    dbt("run", "--exclude", "config.materialized:incremental", warehouse=copied,
        variables=json.dumps({"people": people}))  # fmt: skip
    assert named() == set()
    shown = ask(copied, "select responder_name from paydown_marts.fct_pages order by 1 nulls last")
    if people == "hashed":
        assert shown[0][0].startswith("person-")
        owners = {
            owner for (owner,) in ask(copied, "select owner from paydown_marts.fct_postmortems")
        }
        assert "team-payments" in owners
    else:
        assert {value for (value,) in shown} == {None}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_backup_of_files_is_all_that_a_run_needs(demo_copy: Site, tmp_path: Path) -> None:
    """docs/operations.md: DuckDB's file, the ledger by SQLite's backup, and the epics' folder."""
    restored = Site(tmp_path / "restored")
    restored.home.mkdir()
    shutil.copy(demo_copy.warehouse, restored.home)
    shutil.copytree(demo_copy.home / "epics", restored.home / "epics")
    with (
        closing(sqlite3.connect(demo_copy.home / "ledger.db")) as kept,
        closing(sqlite3.connect(restored.home / "ledger.db")) as copy,
    ):
        kept.backup(copy)
    for site in (demo_copy, restored):
        done = site.command("run")
        assert done.returncode == 0, done.stdout
        assert "epics opened" not in done.stdout
    assert differences(demo_copy.published, restored.published) == []
