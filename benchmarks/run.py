"""The whole `paydown run` at a size, beside a script written by hand: `make bench SIZE=1m`.

A line says CPU seconds (children included), seconds on the clock, the peak memory of all processes
together and the size of the warehouse. The second run reads back the epics that the first opened;
the third finds nothing new; the fourth a hundredth more, newer than all else.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from landing import AS_OF, write_landing

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}


@dataclass(frozen=True)
class Measured:
    """What a command took: CPU and clock in seconds, memory of the process tree in MB."""

    cpu: float
    clock: float
    megabytes: float


def measure(command: Sequence[str], environment: dict[str, str], log: Path) -> Measured:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; its output is in `log`.
    """
    started = time.monotonic()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    process = os.posix_spawn(
        command[0], command, environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)],
    )  # fmt: skip
    os.close(output)
    peak, is_done = [0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process, peak, is_done), daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process, 0)
    is_done.set()
    watcher.join()
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed; see {log}")
    # Many short-lived pages are freed between two looks: the biggest process has been that big.
    megabytes = max(peak[0] / 1024, usage.ru_maxrss / 1024)
    return Measured(usage.ru_utime + usage.ru_stime, time.monotonic() - started, megabytes)


def _watch(root: int, peak: list[int], is_done: threading.Event) -> None:
    """Keep the highest sum of resident memory, in kB, of a process and its descendants."""
    while not is_done.wait(0.1):
        parents, resident = {}, {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                lines = (folder / "status").read_text().splitlines()
            except OSError:  # it ended meanwhile
                continue
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            parents[int(folder.name)] = int(fields["PPid"])
            resident[int(folder.name)] = int(fields.get("VmRSS", "0").split()[0])
        tree, found = {root}, True
        while found:
            found = {pid for pid, parent in parents.items() if parent in tree} - tree
            tree |= found
        peak[0] = max(peak[0], sum(resident.get(pid, 0) for pid in tree))


def bench(incidents: int, folder: Path) -> None:
    landing, new, home = folder / "landing", folder / "new", folder / "home"
    write_landing(landing, new, incidents)
    environment = os.environ | {
        "PAYDOWN_HOME": str(home), "PAYDOWN_LANDING": str(landing), "PAYDOWN_AS_OF": AS_OF,
    }  # fmt: skip
    log = folder / "output.txt"
    paydown = [str(Path(sys.executable).with_name("paydown")), "run"]
    by_hand = [sys.executable, str(ROOT / "benchmarks" / "by_hand.py"), str(landing)]

    def show(name: str, measured: Measured, whole: Measured, script: Measured) -> None:
        warehouse = home / "warehouse.duckdb"
        size = warehouse.stat().st_size / 1024**2 if warehouse.exists() else 0
        print(
            f"| {incidents:,} | {name} | {measured.cpu:.1f} | {measured.clock:.1f} | "
            f"{measured.megabytes:,.0f} | {size:,.0f} | {measured.cpu / script.cpu:.1f} | "
            f"{measured.cpu / whole.cpu:.0%} |",
            flush=True,
        )

    script = measure(by_hand, environment, log)
    show("script by hand", script, script, script)
    whole = measure(paydown, environment, log)
    show("whole run", whole, whole, script)
    show("second run", measure(paydown, environment, log), whole, script)
    show("nothing new", measure(paydown, environment, log), whole, script)
    for file in sorted(new.rglob("*.ndjson")):
        shutil.move(file, landing / file.relative_to(new))
    show("1 % new", measure(paydown, environment, log), whole, script)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="100k")
    parser.add_argument("--keep", type=Path, help="a folder to work in that stays")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs; load average {os.getloadavg()[0]:.1f}\n")
    print("| incidents | what | CPU s | s | peak MB | file MB | times the script | of the whole |")
    print("| --: | --- | --: | --: | --: | --: | --: | --: |")
    if arguments.keep:
        shutil.rmtree(arguments.keep, ignore_errors=True)
        arguments.keep.mkdir(parents=True)
        bench(SIZES[arguments.size], arguments.keep)
        return
    with tempfile.TemporaryDirectory(prefix="paydown-bench-") as folder:
        bench(SIZES[arguments.size], Path(folder))


if __name__ == "__main__":
    main()
