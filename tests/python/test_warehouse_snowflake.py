"""The flow, the lock and the bookkeeping on an emulator of Snowflake: weak evidence, see
docs/warehouses.md."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .flow_helpers import ROOT, Finished, Site
from .postgres_helpers import differences

BINARIES = ROOT / ".venv-emulator" / "bin"
CLIENT = ROOT / ".venv-snowflake" / "bin" / "python"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[str]:
    """The port of an empty emulator."""
    if not (BINARIES / "fakesnow").exists():
        pytest.skip("no emulator; `make .venv-emulator/ready` installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with (tmp_path / "emulator.log").open("w") as log:
        server = subprocess.Popen(
            ["timeout", "--kill-after=5", "3600", str(BINARIES / "python"),
             "tests/emulator/serve.py", port],
            cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for _ in range(120):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.5)
        yield port
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_complete_flow(demo_copy: Site, emulator: str, tmp_path: Path) -> None:
    """Load by dlt, models, tests, copy, epics, page; then what comes back; then nothing new."""
    if not CLIENT.exists():
        pytest.skip("no dbt-snowflake; `make .venv-snowflake/ready` installs it")
    said = {"ACCOUNT": "fakesnow", "USER": "fake", "PASSWORD": "snow", "WAREHOUSE": "W",
            "ROLE": "R", "DATABASE": "PAYDOWN"}  # fmt: skip
    variables = {f"PAYDOWN_SNOWFLAKE_{name}": value for name, value in said.items()}
    variables |= {"PAYDOWN_TARGET": "snowflake", "FAKESNOW_PORT": emulator}
    site = Site(tmp_path / "there", variables)

    def run() -> Finished:
        command = [str(CLIENT), "tests/emulator/client.py", "run"]
        done = subprocess.run(
            command, cwd=ROOT, env=site.environment(), capture_output=True, text=True, timeout=1500,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    assert "epics opened: 2" in run().stdout
    assert not site.warehouse.exists()
    # Snowflake has one type of whole numbers.
    assert differences(demo_copy.published, site.published, one_integer=True) == []
    # The emulator keeps its stages in files; what was copied into tables is removed.
    stages = list(tmp_path.glob("fakesnow_bucket_*/PAYDOWN/RAW/%*"))
    assert stages
    assert [file for stage in stages for file in stage.rglob("*.parquet")] == []
    # The epics that were opened are news, so incremental models are built upon themselves.
    assert "models are up to date" not in run().stdout
    assert demo_copy.command("run").returncode == 0
    found = differences(demo_copy.published, site.published, one_integer=True)
    # When an epic was opened is of the home that it is in.
    assert [one for one in found if not one.endswith('differ in "updated_at"')] == []
    assert "Nothing changed since the last run." in run().stdout


@pytest.mark.slow
def test_a_lock_a_load_and_what_was_loaded(emulator: str) -> None:
    done = subprocess.run(
        [str(BINARIES / "python"), "tests/emulator/snowflake_driver.py", emulator],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["identity"] == "snowflake fakesnow/PAYDOWN"
    assert not found["other_takes_it_too"]
    assert found["columns"] == {
        "_load_id": "varchar", "records": "bigint", "ratio": "double", "_loaded_at": "timestamp",
    }  # fmt: skip
    assert [(row["_load_id"], row["records"], row["ratio"]) for row in found["rows"]] == [
        ("a", 1, 1.5),
        ("b", 2, None),
    ]
    # What was written without the lock does not count.
    assert "another loader took over" in found["refused"]
    assert found["count"] == 2
    assert found["other_takes_a_lock_that_ended"]
    assert "snowflake fakesnow/PAYDOWN" in found["error"]
