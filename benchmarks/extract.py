"""How fast a live source is read: `python benchmarks/extract.py` prints a table.

A loopback server stands for a PagerDuty account with a year of incidents, three log entries each.
The first sync reads them all into an empty landing folder, as a process of its own; then a plain
loop asks the same server for the same pages and only decodes them, which is the server's pace; and
the loader takes what landed into a new warehouse. `--incidents` changes the sizes: memory should
not grow with them.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from load import incidents

ROOT = Path(__file__).resolve().parents[1]
BEGIN = datetime(2025, 5, 2, tzinfo=UTC)
NOW = datetime(2026, 5, 31, tzinfo=UTC)
ENTRIES = (
    ("trigger_log_entry", 0),
    ("acknowledge_log_entry", 120),
    ("resolve_log_entry", 1800),
)
TOKEN = "benchmark"  # noqa: S105


class Account(BaseHTTPRequestHandler):
    """Answers as PagerDuty does, from records that are encoded already, sorted by time."""

    protocol_version = "HTTP/1.1"
    # The body follows the headers at once, not after the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    streams: dict[str, tuple[list[str], list[bytes]]]
    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name = parts.path.removeprefix("/")
        if name == "asked":
            body = json.dumps(self.asked).encode()
        else:
            self.asked.append(self.path)
            body = self._page(name, dict(parse_qsl(parts.query)))
        self.send_response_only(200)
        self.send_header("Date", format_datetime(NOW, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _page(self, name: str, query: dict[str, str]) -> bytes:
        times, records = self.streams.get(name, ([], []))
        first = bisect.bisect_left(times, query.get("since", ""))
        last = bisect.bisect_left(times, query.get("until", "9"))
        begin = first + int(query.get("offset", 0))
        end = min(begin + int(query["limit"]), last)
        more = json.dumps(end < last).encode()
        return b'{"%s":[%s],"more":%s,"total":%d}' % (
            name.encode(), b",".join(records[begin:end]), more, last - first,
        )  # fmt: skip


def serve(number: int) -> None:
    """Serve until the parent closes standard input; prints the address."""
    seconds = (NOW - BEGIN - timedelta(hours=1)).total_seconds() / number
    cases: list[tuple[str, bytes]] = []
    entries: list[tuple[str, bytes]] = []
    for n, record in enumerate(incidents(number)):
        at = BEGIN + timedelta(seconds=int(n * seconds))
        record |= {"created_at": _text(at), "resolved_at": _text(at + timedelta(seconds=1800))}
        record["updated_at"] = record["resolved_at"]
        cases.append((record["created_at"], json.dumps(record).encode()))
        for k, (kind, after) in enumerate(ENTRIES):
            logged = _text(at + timedelta(seconds=after))
            entry = {
                "id": f"R{n:011}{k}", "type": kind, "created_at": logged,
                "incident": {"id": record["id"], "type": "incident_reference"},
                "service": record["service"], "agent": record["service"],
                "channel": {"type": "api", "details": record["body"]["details"]["labels"]},
            }  # fmt: skip
            entries.append((logged, json.dumps(entry).encode()))
    entries.sort(key=lambda entry: entry[0])
    Account.asked = []
    Account.streams = {
        "incidents": ([at for at, _ in cases], [record for _, record in cases]),
        "log_entries": ([at for at, _ in entries], [record for _, record in entries]),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Account)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


def sync(url: str, folder: str) -> list[Any]:
    from orchestration.landing import open_landing
    from orchestration.vendors.base import Context
    from orchestration.vendors.pagerduty.extractor import PagerDutyConfig

    config = PagerDutyConfig.model_validate({"url": url, "since": date(2025, 5, 1)})
    extractor = config.extractor(Context({"PAGERDUTY_TOKEN": TOKEN}))
    started = time.monotonic()
    with open_landing(Path(folder), Path(folder, "state"), "pagerduty") as landing:
        extractor.sync(landing)
        records = sum(stream.records for stream in landing.streams.values())
    return [records, extractor.requests, time.monotonic() - started]


def plain(url: str, _: str) -> list[Any]:
    import requests

    records = 0
    with requests.Session() as session:
        asked = session.get(f"{url}/asked").json()
        started = time.monotonic()
        for path in asked:
            page = session.get(url + path).json()
            records += len(page.get("incidents", page.get("log_entries", ())))
    return [records, len(asked), time.monotonic() - started]


def load(_: str, folder: str) -> list[Any]:
    from load import paydown

    started = time.monotonic()
    rows = paydown(Path(folder), Path(folder), ("incidents", "log_entries"))
    return [rows, 0, time.monotonic() - started]


WAYS = {"sync": sync, "plain": plain, "load": load}
NAMES = {
    "sync": "first sync, into the landing folder",
    "plain": "the same pages, only decoded",
    "load": "what landed, into `raw`",
}


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def _serving(number: int) -> Generator[str]:
    command = [sys.executable, __file__, "--serve", str(number)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.communicate()


def _run(way: str, url: str, number: int, folder: str) -> None:
    run = subprocess.run(
        [sys.executable, __file__, "--child", way, url, folder],
        env=os.environ | {"PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false"},
        capture_output=True, check=True,
    )  # fmt: skip
    records, asked, seconds, cpu, peak = json.loads(run.stdout.splitlines()[-1])
    # The plain loop counts records that overlap, the others each once.
    if way != "plain" and records != number * (1 + len(ENTRIES)):
        raise SystemExit(f"{records:,} records landed for {number:,} incidents")
    print(
        f"| {NAMES[way]} | {number:,} | {asked:,} | {seconds:.1f} | {cpu:.1f} | "
        f"{number / seconds:,.0f} | {peak / 1024:,.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--serve", type=int)
    parser.add_argument("--child", nargs=3, metavar=("WAY", "URL", "FOLDER"))
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    if arguments.child:
        way, url, folder = arguments.child
        result = WAYS[way](url, folder)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps([*result, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}; three "
        f"log entries an incident; load average before: {os.getloadavg()[0]:.1f}\n"
    )
    print("| way | incidents | requests | seconds | CPU s | incidents/s | peak MB |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    for number in arguments.incidents:
        with (
            _serving(number) as url,
            tempfile.TemporaryDirectory(prefix="paydown-benchmark-") as folder,
        ):
            for way in WAYS:
                _run(way, url, number, folder)


if __name__ == "__main__":
    main()
