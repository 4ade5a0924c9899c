"""The whole of paydown on PostgreSQL: `PAYDOWN_TARGET` moves everything, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import make_url

from orchestration.loader import load_landing
from orchestration.warehouse import ServerWarehouse, WarehouseError

from .dbt_in_process import Dbt
from .flow_helpers import ROOT, Demo, Site
from .loader_helpers import ID, Landing, column, contracts, ndjson, stream
from .postgres_helpers import differences, new_site, on_postgres

TEXTS = stream("texts", {"id": column(**ID), "text": column()})


def dump(address: str, file: Path) -> Path:
    """Back up a database as docs/operations.md says: warehouse and ledger."""
    program("pg_dump", address, "--file", str(file))
    return file


def restore(file: Path, address: str) -> None:
    """Restore into an empty database."""
    program("psql", address, "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(file))


def program(name: str, address: str, *arguments: str) -> None:
    url = make_url(address)
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[-1]
    where = ["-h", str(url.query["host"]), "-U", "postgres", "-d", str(url.database)]
    done = subprocess.run(
        [str(found), *where, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.split())


@pytest.mark.timeout(1800)
def test_the_complete_flow(
    demo: Demo, dbt: Dbt, new_postgres: Callable[[], str], tmp_path: Path
) -> None:
    """Load, models, tests, copy, epics; then what comes back; then nothing new; then commands; then
    everything from a backup."""
    address = new_postgres()
    site = new_site(tmp_path / "home", address, dbt)
    site.variables["PAYDOWN_LEDGER"] = address
    first = site.command("run")
    assert first.returncode == 0, first.stdout
    assert "epics opened: 2" in first.stdout
    assert not site.warehouse.exists()
    assert differences(demo.site.published, site.published) == []

    second = site.command("run")
    assert second.returncode == 0, second.stdout
    assert "models are up to date" not in second.stdout
    third = site.command("run")
    assert "models are up to date" in third.stdout
    assert "Nothing changed since the last run." in third.stdout

    for command in (("doctor",), ("explain", "api-gateway"), ("quarantine", "list"), ("epics",)):
        here, there = site.command(*command), demo.site.command(*command)
        assert here.returncode == there.returncode == 0, here.stdout
        if command[0] in ("explain", "quarantine"):
            assert here.stdout == there.stdout

    before = shutil.copy(site.published, tmp_path / "before.duckdb")
    restore(dump(address, tmp_path / "backup.sql"), new_postgres())
    assert site.command("doctor").returncode == 0
    restored = site.command("run")
    assert restored.returncode == 0, restored.stdout
    assert "models are up to date" not in restored.stdout
    assert "epics opened" not in restored.stdout
    assert differences(Path(before), site.published) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_commands_that_compute_and_write(
    demo_copy: Site, dbt: Dbt, postgres: str, tmp_path: Path
) -> None:
    site = new_site(tmp_path / "there", postgres, dbt)
    assert site.command("run").returncode == 0
    rubric = tmp_path / "scoring.yaml"
    text = (ROOT / "modernization" / "scoring.yaml").read_text(encoding="utf-8")
    rubric.write_text(text.replace("promote_to_epic: 22", "promote_to_epic: 30"), encoding="utf-8")
    for command in (
        ("whatif", "--scoring", str(rubric), "--months", "1"),
        ("backfill", "--from", "2026-02-01", "--to", "2026-02-02"),
        ("quarantine", "replay"),
    ):
        here, there = site.command(*command), demo_copy.command(*command)
        assert (here.returncode, here.stdout) == (there.returncode, there.stdout)
    # A back-fill is news: the next run builds and publishes.
    for one in (site, demo_copy):
        assert "models are up to date" not in one.command("run").stdout
    # Epics that came back lie in the one home or the other.
    differing = [
        d for d in differences(demo_copy.published, site.published) if "fct_epics" not in d
    ]
    assert differing == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_switching_by_environment_only_leaves_no_stale_answer(
    demo_copy: Site, postgres: str
) -> None:
    """One home, there and back: each command answers from the warehouse that is set, or refuses."""
    there = on_postgres(postgres)
    reading = (("explain", "api-gateway"), ("epics",), ("ledger", "reconcile"))
    for command in reading:
        refused = demo_copy.command(*command, **there)
        assert refused.returncode == 1
        assert "what is published is from duckdb, but PAYDOWN_TARGET=postgres" in words(refused)
    assert "nothing was loaded yet" in words(demo_copy.command("quarantine", "list", **there))
    assert "is empty" in words(
        demo_copy.command("backfill", "--from", "2026-02-01", "--to", "2026-02-02", **there)
    )
    doctor = demo_copy.command("doctor", **there)
    assert doctor.returncode == 1
    assert "nothing loaded yet" in words(doctor)
    assert "raw.pagerduty" not in doctor.stdout

    moved = demo_copy.command("run", **there)
    assert moved.returncode == 0, moved.stdout
    assert demo_copy.command("explain", "api-gateway", **there).returncode == 0
    refused = demo_copy.command("explain", "api-gateway")
    assert "but PAYDOWN_TARGET=duckdb is duckdb" in words(refused)
    back = demo_copy.command("run")
    assert "models are up to date" not in back.stdout
    assert demo_copy.command("explain", "api-gateway").returncode == 0
    assert demo_copy.command("explain", "api-gateway", **there).returncode == 1


def test_a_missing_warehouse_is_reported_immediately(tmp_path: Path) -> None:
    known = {
        "PAYDOWN_TARGET": "postgres",
        "PAYDOWN_POSTGRES_HOST": str(tmp_path / "nowhere"),
        "PAYDOWN_POSTGRES_USER": "me",
        "PAYDOWN_POSTGRES_PASSWORD": "sesame",
        "PAYDOWN_POSTGRES_DATABASE": "backlog",
    }
    site = Site(tmp_path / "home", known)
    for command in (("run",), ("doctor",), ("quarantine", "list"), ("epics",)):
        began = time.monotonic()
        done = site.command(*command)
        assert time.monotonic() - began < 20
        assert done.returncode == 1
        assert "sesame" not in done.stdout
        if command != ("epics",):  # Which reads the copy, of which there is none.
            assert f"{tmp_path}/nowhere:5432/backlog can't be reached as me" in words(done)
    assert "PAYDOWN_POSTGRES_USER isn't set" in words(
        site.command("doctor", PAYDOWN_POSTGRES_USER="")
    )
    unknown = site.command("doctor", PAYDOWN_TARGET="postgresql")
    assert "PAYDOWN_TARGET=postgresql: no such warehouse" in words(unknown)


def test_texts_arrive_as_they_are(postgres: str, tmp_path: Path) -> None:
    """An empty text is none; of a NUL, which PostgreSQL can't store, a sign is left."""
    landing, warehouse = Landing(tmp_path), ServerWarehouse("postgres", tmp_path / "dlt")
    texts = ["", "a\0b", "c,\"d'\\", "é\n\t\N{GRINNING FACE}", "\\N", "NULL", None]
    landing.write(
        "texts/x.ndjson", ndjson(*({"id": str(n), "text": t} for n, t in enumerate(texts)))
    )
    landing.write("texts/y.ndjson", ndjson({"id": None, "text": "a\0b"}))
    node = TEXTS | {"config": {"meta": TEXTS["config"]["meta"] | {"nulls": []}}}
    with patch.dict(os.environ, on_postgres(postgres)):
        report = load_landing(contracts(node), landing.roots, warehouse, {})
        assert (report.rows_loaded, report.rows_quarantined, report.unaccounted) == (7, 1, [])
        rows = warehouse.ask("select text from raw.demo__texts order by _line")
        kept = warehouse.ask("select text from raw.quarantine")
        again = load_landing(contracts(node), landing.roots, warehouse, {})
    assert [row["text"] for row in rows] == ["", "a\ufffdb", *texts[2:]]
    assert kept == [{"text": '{"id": null, "text": "a\\u0000b"}'}]
    assert (again.files_loaded, again.rows_loaded) == (0, 0)


def test_a_changed_contract_reads_again_what_is_kept(postgres: str, tmp_path: Path) -> None:
    landing, warehouse = Landing(tmp_path), ServerWarehouse("postgres", tmp_path / "dlt")
    columns = {"id": column(**ID), "text": column(path="b")}
    landing.write("texts/x.ndjson", ndjson({"id": "1", "text": "a", "b": "c"}, {"text": "no id"}))
    with patch.dict(os.environ, on_postgres(postgres)):
        load_landing(contracts(TEXTS), landing.roots, warehouse, {})
        landing.remove("texts/x.ndjson")
        again = contracts(stream("texts", columns))
        report = load_landing(again, landing.roots, warehouse, {})
        rows = warehouse.ask("select text from raw.demo__texts")
        loads = warehouse.ask("select rows_loaded, rows_quarantined from raw.loads")
        after = load_landing(again, landing.roots, warehouse, {})
    assert (report.files_kept, report.unaccounted) == (1, [])
    assert (rows, loads) == ([{"text": "c"}], [{"rows_loaded": 1, "rows_quarantined": 1}])
    assert after.files_loaded == 0


def test_loaders_that_race_lose_nothing_and_load_nothing_twice(postgres: str) -> None:
    """`benchmarks/race.py` lets fifty pairs race; without the lock six pairs lose rows."""
    command = [sys.executable, "benchmarks/race.py", "--pairs", "4"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | on_postgres(postgres), capture_output=True, text=True,
        timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'lost': 0, 'twice': 0" in done.stdout


def test_a_load_that_lost_its_connection_does_not_count(postgres: str, tmp_path: Path) -> None:
    """The lock ends with the connection: another loader may have begun since."""
    landing, warehouse = Landing(tmp_path), ServerWarehouse("postgres", tmp_path / "dlt")
    landing.write("texts/x.ndjson", ndjson({"id": "a"}))

    def cut_off(_: str) -> None:
        warehouse.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'paydown' and pid <> pg_backend_pid()"
        )

    with patch.dict(os.environ, on_postgres(postgres)):
        with pytest.raises(WarehouseError, match="postgres"):
            load_landing(contracts(TEXTS), landing.roots, warehouse, {}, progress=cut_off)
        assert warehouse.ask("select * from raw.loads") == []
        assert load_landing(contracts(TEXTS), landing.roots, warehouse, {}).rows_loaded == 1
        assert warehouse.ask("select id from raw.demo__texts") == [{"id": "a"}]
