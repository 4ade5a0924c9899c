"""Lock and bookkeeping on an emulator of Snowflake: weak evidence, see docs/warehouses.md."""

from __future__ import annotations

import json
import socket
import subprocess
import time

import pytest

from .flow_helpers import ROOT

BINARIES = ROOT / ".venv-emulator" / "bin"


@pytest.mark.slow
def test_a_lock_a_load_and_what_was_loaded() -> None:
    if not (BINARIES / "fakesnow").exists():
        pytest.skip("no emulator; `make .venv-emulator/ready` installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    server = subprocess.Popen(
        [str(BINARIES / "fakesnow"), "-s", "-p", port],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(60):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.5)
        done = subprocess.run(
            [str(BINARIES / "python"), "tests/emulator/snowflake_driver.py", port],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        server.kill()
        server.wait()
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
