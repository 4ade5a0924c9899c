"""A run on PostgreSQL that dies at any moment, by kill -9 of its process group, is completed by the
next one."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from .dbt_in_process import Dbt
from .flow_helpers import Demo, Site
from .postgres_helpers import differences, new_site

KILLS = int(os.environ.get("KILLS", "30"))
# Each run is a process of its own, forked from one that has imported dbt and dlt.
RUNS = multiprocessing.get_context("forkserver")
RUNS.set_forkserver_preload(["orchestration.flow", "dbt.cli.main", "dlt", "pyarrow", "psycopg2"])


def paydown_run(site: Site, status: Path) -> None:
    """`paydown run` at the head of a process group; leaves its exit status and what it printed."""
    os.setsid()
    with status.open("w", encoding="utf-8") as out, redirect_stdout(out):
        done = site.command("run")
        out.write(json.dumps([done.returncode, done.stdout]))


def started(site: Site) -> BaseProcess:
    process = RUNS.Process(target=paydown_run, args=(site, site.home / "status"))
    process.start()
    return process


def completed(site: Site) -> str:
    """Run to the end: what was printed."""
    process = started(site)
    process.join(1200)
    assert process.exitcode == 0
    status, printed = json.loads((site.home / "status").read_text(encoding="utf-8"))
    assert status == 0, printed
    return printed


def relations(address: str) -> list[str]:
    """The schemas of the tables and views that are there: how far a run got."""
    url = make_url(address)
    with psycopg2.connect(host=url.query["host"], user="postgres", dbname=url.database) as asking:
        cursor = asking.cursor()
        cursor.execute(
            "select nspname from pg_class inner join pg_namespace as n on relnamespace = n.oid "
            "where relkind in ('r', 'v') and (nspname = 'raw' or starts_with(nspname, 'paydown_'))"
        )
        return [schema for (schema,) in cursor.fetchall()]


def killed(site: Site, address: str, goal: float, delay: float) -> str | None:
    """Kill a run so many seconds after it has made so many relations: how far it got, None where it
    ended before."""
    process = started(site)
    while process.is_alive() and len(relations(address)) < goal:
        time.sleep(0.05)
    process.join(delay)
    if not process.is_alive():
        return None
    with suppress(ProcessLookupError):  # It isn't the head of a group yet.
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    made = set(relations(address))
    return "marts" if "paydown_marts" in made else "models" if made - {"raw"} else "load"


@pytest.mark.slow
@pytest.mark.timeout(9000)
def test_after_thirty_kills_each_next_run_is_complete(
    demo: Demo, demo_copy: Site, dbt: Dbt, new_postgres: Callable[[], str], tmp_path: Path
) -> None:
    """Each on a warehouse of its own, at points all over; its marts then have to be those of a run
    that nobody killed."""
    chance, died, whole = random.Random(13), [], 0
    again: Path | None = None
    for number in range(KILLS):
        address = new_postgres()
        site = new_site(tmp_path / str(number), address, dbt)
        goal = (number + chance.random()) / KILLS * whole
        reached = killed(site, address, goal, chance.uniform(0, 1 if whole else 10))
        moment = f"killed at {goal:.0f} of {whole} relations, {reached}"
        has_epics = any((site.home / "epics").glob("*.md"))
        completed(site)
        whole, wanted = len(relations(address)), demo.site.published
        if has_epics:
            # Those that the dead run opened come back: compared with a second run of the demo.
            completed(site)
            if again is None:
                assert demo_copy.command("run").returncode == 0
                again = demo_copy.published
            wanted = again
        if reached:
            died.append(reached)
        assert differences(wanted, site.published) == [], moment
    assert len(died) > KILLS * 0.8
    assert set(died) == {"load", "models", "marts"}
