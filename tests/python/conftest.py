"""Fixtures that several test files share. What is slow to make is made once for all workers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from filelock import FileLock

from orchestration.settings import QUIET

from .compiled_models import AS_OF, MODELS, NewWarehouse, Warehouse
from .dbt_in_process import POSTGRES_DATABASE, Dbt, parse
from .decisions import SQL_FILE
from .flow_helpers import Demo, Site

# dlt reads these when it is imported; rich would otherwise keep the width of this terminal.
os.environ.update(QUIET)
os.environ.pop("COLUMNS", None)

# Seconds for tests that may be the ones to run the demo first.
LONG = 600

Shared = Callable[[str, Callable[[Path], None]], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the demo come last, so that no worker begins by waiting for it. Of them those
    with the longest time limit come first, so that none runs alone at the end."""

    def order(item: pytest.Item) -> tuple[bool, float]:
        timeout = item.get_closest_marker("timeout")
        return "demo" in getattr(item, "fixturenames", ()), -timeout.args[0] if timeout else 0

    items.sort(key=order)
    for item in items:
        if order(item) == (True, 0):
            item.add_marker(pytest.mark.timeout(LONG))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """`shared(name, make)`: the path that the first worker to ask fills with `make(path)`."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "shared"
    folder.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[Path], None]) -> Path:
        path, done = folder / name, folder / f"{name}.done"
        with FileLock(folder / f"{name}.lock"):
            if not done.exists():
                make(path)
                done.touch()
        return path

    return made


@pytest.fixture(scope="session")
def dbt(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """dbt in this process; see `Dbt`."""

    def parsed(target: str) -> Path:
        return shared(f"manifest-{target}", lambda file: parse(target, file))

    return Dbt(parsed, tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def compiled_models(shared: Shared, dbt: Dbt) -> Path:
    """A JSON file with the SQL of `MODELS` by name, as of `AS_OF`."""

    def compile_models(file: Path) -> None:
        file.write_text(json.dumps(dbt.compiled(*MODELS, as_of=AS_OF)), encoding="utf-8")

    return shared("compiled", compile_models)


@pytest.fixture(scope="session")
def warehouse(compiled_models: Path) -> NewWarehouse:
    """`warehouse()`: an empty warehouse in which single models run, as of `AS_OF`."""
    sql = json.loads(compiled_models.read_text(encoding="utf-8"))
    return lambda: Warehouse(sql)


@pytest.fixture(scope="session")
def decisions(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lets `decisions.publish`, here and in processes, find what the models decide."""
    with pytest.MonkeyPatch.context() as patch:
        if SQL_FILE not in os.environ:
            patch.setenv(SQL_FILE, str(request.getfixturevalue("compiled_models")))
        yield


@pytest.fixture(scope="session")
def demo(shared: Shared) -> Demo:
    """The demo after its first run; one for all workers, so it is only read."""
    printed = ("out", "err", "status")

    def run(home: Path) -> None:
        first = Site(home).process("run")
        texts = (first.stdout, first.stderr, str(first.returncode))
        for name, text in zip(printed, texts, strict=True):
            home.with_suffix(f".{name}").write_text(text, encoding="utf-8")

    home = shared("demo", run)
    out, err, status = (home.with_suffix(f".{name}").read_text("utf-8") for name in printed)
    return Demo(Site(home), subprocess.CompletedProcess(["run"], int(status), out, err))


@pytest.fixture
def demo_copy(demo: Demo, tmp_path: Path) -> Site:
    """A copy of the demo after its first run, to be changed."""
    assert demo.first.returncode == 0, demo.first.stdout + demo.first.stderr
    return demo.site.copy(tmp_path / "home")


@pytest.fixture
def site(demo: Demo, tmp_path: Path) -> Site:
    """A site with an empty landing folder of its own, for which the project is parsed already."""
    landing = tmp_path / "landing"
    landing.mkdir()
    shutil.copytree(demo.site.home / "dbt" / "target", tmp_path / "home" / "dbt" / "target")
    return Site(tmp_path / "home", {"PAYDOWN_LANDING": str(landing)})


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The socket folder of a throwaway PostgreSQL of this worker."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql/*/bin")
    home = Path(mkdtemp(prefix="paydown-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # The server refuses to run as root.
        shutil.chown(home, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(found[-1].with_name(program)), *arguments]
        subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, timeout=120)

    data = str(home / "data")
    run("initdb", "--no-sync", "--auth=trust", "--username=postgres", data)
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    run("pg_ctl", "-w", "-D", data, "-o", options, "-l", str(home / "log"), "start")
    try:
        yield str(home)
    finally:
        run("pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home)


@pytest.fixture
def new_postgres(postgres_server: str) -> Callable[[], str]:
    """`new_postgres()`: an empty database in place of the one before; its address as `postgres`."""
    import psycopg2

    def made() -> str:
        connection = psycopg2.connect(host=postgres_server, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"drop database if exists {POSTGRES_DATABASE} with (force)")
            cursor.execute(f"create database {POSTGRES_DATABASE}")
        connection.close()
        return f"postgresql+psycopg2://postgres@/{POSTGRES_DATABASE}?host={postgres_server}"

    return made


@pytest.fixture
def postgres(new_postgres: Callable[[], str]) -> str:
    """SQLAlchemy's address of an empty PostgreSQL database, reachable through a socket only."""
    return new_postgres()
