"""Pairs of loaders that start together on one PostgreSQL, as two hosts would: nothing lost, nothing
twice.

    PAYDOWN_POSTGRES_HOST=... PAYDOWN_POSTGRES_USER=... PAYDOWN_POSTGRES_DATABASE=... \\
        .venv/bin/python benchmarks/race.py --pairs 50

Each loader has a folder of its own with files that the other has too, and files that it alone has.
Of every third pair one is killed at a random moment, and runs once more. Give it a database of its
own: it drops the schema `raw`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from orchestration.loader import contracts_from_manifest, load_landing  # noqa: E402
from orchestration.settings import QUIET  # noqa: E402
from orchestration.warehouse import ServerWarehouse  # noqa: E402

SOURCE = {
    "source_name": "race",
    "name": "lines",
    "identifier": "race__lines",
    "original_file_path": "benchmarks/race.py",
    "columns": {
        "id": {"name": "id", "data_type": "varchar", "config": {"meta": {"required": True}}},
        "n": {"name": "n", "data_type": "bigint"},
    },
    "config": {"meta": {"files": "landing:*", "key": "id"}},
}
CONTRACTS = contracts_from_manifest({"sources": {"race": SOURCE}})
RECORDS = 20


def host(folder: Path, name: str, pair: int) -> Path:
    """A landing folder: one file that both hosts get, and one of its own; each with a bad line."""
    landing = folder / name / "landing"
    landing.mkdir(parents=True, exist_ok=True)
    for part in ("both", name):
        ids = [f"{pair}-{part}-{n}" for n in range(RECORDS)]
        lines = [json.dumps({"id": one, "n": pair}) for one in ids] + [f'{{"n": {pair}}}']
        (landing / f"{pair}-{part}.ndjson").write_text("\n".join(lines), encoding="utf-8")
    return folder / name


def load(home: Path) -> None:
    """One load of the host's landing folder."""
    warehouse = ServerWarehouse("postgres", home / "dlt")
    load_landing(CONTRACTS, {"landing": home / "landing"}, warehouse, {})


def start(home: Path, at: float) -> int:
    """A loader in a process of its own, from this moment on."""
    if child := os.fork():
        return child
    status = 1
    try:
        time.sleep(max(at - time.time(), 0))
        load(home)
        status = 0
    finally:
        os._exit(status)


def race(folder: Path, pair: int, chance: random.Random) -> None:
    """Let two loaders race; one that is killed is started again."""
    homes = [host(folder, name, pair) for name in ("left", "right")]
    at = time.time() + 0.05
    children = [start(home, at) for home in homes]
    if pair % 3 == 2:
        time.sleep(chance.uniform(0, 2.5))
        os.kill(children[pair % 2], signal.SIGKILL)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    for home, status in zip(homes, statuses, strict=True):
        if os.WIFSIGNALED(status):
            load(home)
        elif status:
            raise SystemExit(
                f"pair {pair}: a loader failed with {os.waitstatus_to_exitcode(status)}"
            )


def outcome(pairs: int) -> dict[str, int]:
    """What the warehouse holds, against what was landed."""
    ask = ServerWarehouse("postgres", Path(tempfile.gettempdir())).ask
    ids = [row["id"] for row in ask("select id from raw.race__lines")]
    landed = {f"{p}-{part}-{n}" for p in range(pairs) for part in ("both", "left", "right")
              for n in range(RECORDS)}  # fmt: skip
    bad = ask("select count(*) as n from raw.quarantine")[0]["n"]
    loads = ask("select count(*) as n, cast(sum(records) as bigint) as records from raw.loads")[0]
    return {
        "lost": len(landed - set(ids)),
        "twice": len(ids) - len(set(ids)),
        "quarantined_wrong": abs(bad - 3 * pairs),
        "loads_wrong": abs(loads["n"] - 3 * pairs),
        "unaccounted": abs(loads["records"] - len(ids) - bad),
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, int]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options: Any = parser.parse_args(arguments)
    os.environ.update(QUIET)
    import dlt  # noqa: F401, once for all loaders

    chance, began = random.Random(options.seed), time.monotonic()  # noqa: S311
    with ServerWarehouse("postgres", Path(tempfile.gettempdir())).opened() as session:
        session.execute("drop schema if exists raw cascade")
    with tempfile.TemporaryDirectory(prefix="paydown-race-") as folder:
        for pair in range(options.pairs):
            race(Path(folder), pair, chance)
    found = outcome(options.pairs)
    print(f"{options.pairs} pairs in {time.monotonic() - began:.0f} s: {found}")
    return found


if __name__ == "__main__":
    sys.exit(any(main().values()))
