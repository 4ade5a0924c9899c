"""Fixtures that several test files share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import chown, rmtree
from tempfile import mkdtemp

import pytest

from .flow_helpers import Site


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, subprocess.CompletedProcess[str]]:
    """The demo after its first run, and what that run printed."""
    site = Site(tmp_path_factory.mktemp("demo") / "home", {})
    return site, site.command("run")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with an empty landing folder of its own."""
    landing = tmp_path / "landing"
    landing.mkdir()
    return Site(tmp_path / "home", {"PAYDOWN_LANDING": str(landing)})


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a throwaway PostgreSQL, reachable through a socket file only."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql/*/bin")
    home = Path(mkdtemp(prefix="paydown-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # The server refuses to run as root.
        chown(home, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(found[-1].with_name(program)), *arguments]
        subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, timeout=120)

    data = str(home / "data")
    run("initdb", "--no-sync", "--auth=trust", "--username=postgres", data)
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    run("pg_ctl", "-w", "-D", data, "-o", options, "-l", str(home / "log"), "start")
    try:
        yield f"postgresql+psycopg2://postgres@/postgres?host={home}"
    finally:
        run("pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")
        rmtree(home)
