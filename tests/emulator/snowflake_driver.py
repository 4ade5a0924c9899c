"""What `orchestration/warehouse/snowflake.py` does, tried on the emulator `fakesnow`.

Run by tests/python/test_warehouse_snowflake.py in the emulator's environment, with the port of its
server; prints a JSON object. Weak evidence: it is DuckDB inside, and knows no privileges, stages of
an account, or transactions of two sessions at a time.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from orchestration.warehouse.profile import read_profile
from orchestration.warehouse.session import WarehouseError
from orchestration.warehouse.snowflake import Snowflake

ACCOUNT = {"account": "fakesnow", "user": "fake", "password": "snow", "warehouse": "W"}


def main(port: str) -> dict[str, object]:
    for name, value in (ACCOUNT | {"database": "PAYDOWN"}).items():
        os.environ[f"PAYDOWN_SNOWFLAKE_{name.upper()}"] = value
    profile = read_profile("snowflake") | {"host": "127.0.0.1", "port": port, "protocol": "http"}
    one, other = Snowflake(profile), Snowflake(profile)
    found: dict[str, object] = {"identity": one.identity(profile)}
    with one.locked():
        found["other_takes_it_too"] = other._take("until < %s or holder = %s", other._now(), "-")
        types = {"_load_id": "varchar", "records": "bigint", "ratio": "double precision"}
        columns = ", ".join(f"{one.name(name)} {kind}" for name, kind in types.items())
        one.run(f"create table raw.{one.name('loads')} ({columns}, _loaded_at timestamp)")
        rows = [("a", 1, 1.5, datetime(2026, 1, 2)), ("b", 2, None, datetime(2026, 1, 3))]
        one.insert("raw.loads", [*types, "_loaded_at"], rows)
        found["columns"] = one.columns("raw")["loads"]
        pieces = one.fetch("select * from raw.loads order by 1")
        found["rows"] = [row for piece in pieces for row in piece.to_pylist()]
        one.run("update raw.paydown_lock set holder = 'another loader'")
        try:
            one.insert("raw.loads", ["_load_id"], [("c",)])
        except WarehouseError as error:
            found["refused"] = str(error)
    found["count"] = one.run("select count(*) from raw.loads").fetchone()[0]
    one.run("update raw.paydown_lock set until = 0")
    found["other_takes_a_lock_that_ended"] = other._take("until < %s", other._now())
    try:
        one.run("select * from raw.nothing")
    except WarehouseError as error:
        found["error"] = str(error)
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1]), default=str))
