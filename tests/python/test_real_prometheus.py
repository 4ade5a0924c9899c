"""A real Prometheus with rules as Sloth records them, read, loaded and modelled: burn rates are
those that Prometheus answers, and those computed from the counters by other means."""

from __future__ import annotations

import math
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from orchestration.configuration import READERS
from orchestration.landing import open_landing
from orchestration.vendors.base import Context
from orchestration.vendors.prometheus import PrometheusConfig
from orchestration.vendors.prometheus_queries import WINDOWS, seconds

from .dbt_in_process import Dbt
from .loader_helpers import Landing, project_streams

pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="no Prometheus server: apt-get install prometheus",
)

HOURS = 8
EVERY = 60
OBJECTIVES = {"checkout": 0.999, "ledger": 0.99}
# What the ledger's file says instead of what Prometheus recorded.
LEDGER_FILE = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: Requests}
spec:
  service: ledger
  timeWindow: [{duration: 28d, isRolling: true}]
  objectives: [{target: 0.95}]
"""


def counters(service: str, start: int) -> list[tuple[int, float, float]]:
    """Moment, errors and requests so far. Both services fail for half an hour; the ledger wasn't
    scraped for 40 minutes and had no requests for an hour."""
    rows = []
    errors, total = 50_000.0, 2_000_000.0
    for minute in range(HOURS * 60):
        is_failing = 120 <= minute < 150
        is_idle = service == "ledger" and 300 <= minute < 360
        arrived = 0 if is_idle else 600 + minute % 11
        total += arrived
        errors += arrived * (0.1 if is_failing else 0) + (minute % 3 if arrived else 0)
        if service == "ledger" and 200 <= minute < 240:
            continue
        # Off the minute, so that no window begins or ends on a sample.
        rows.append((start + minute * EVERY + 20, errors, total))
    return rows


def expected_ratio(rows: list[tuple[int, float, float]], at: int, window: int) -> float | None:
    """Errors among the requests of a window: what extrapolation adds, it adds to both.

    The rule is recorded every minute, and Prometheus shows a recorded value for five.
    """
    for recorded_at in range(at, at - 300, -60):
        inside = [row for row in rows if recorded_at - window < row[0] < recorded_at]
        if len(inside) >= 2:
            arrived = inside[-1][2] - inside[0][2]
            return (inside[-1][1] - inside[0][1]) / arrived if arrived else None
    return None


def open_metrics(start: int) -> str:
    lines = []
    for position, name in ((1, "errors"), (2, "requests")):
        lines.append(f"# TYPE {name} counter")
        for service in OBJECTIVES:
            lines += [
                f'{name}_total{{app="{service}"}} {row[position]} {row[0]}'
                for row in counters(service, start)
            ]
    return "\n".join([*lines, "# EOF", ""])


def rules() -> str:
    lines = ["groups:", "  - name: slos", "    interval: 1s", "    rules:"]
    for service, objective in OBJECTIVES.items():
        labels = f"sloth_service: {service}, sloth_slo: Requests"
        for window in WINDOWS:
            ratio = " / ".join(
                f'sum(rate({name}_total{{app="{service}"}}[{window}]))'
                for name in ("errors", "requests")
            )
            lines += [
                f"      - record: slo:sli_error:ratio_rate{window}",
                f"        expr: {ratio}",
                f"        labels: {{{labels}, sloth_window: {window}}}",
            ]
        for name, value in (("slo:objective:ratio", objective), ("slo:time_period:days", 30)):
            lines += [
                f"      - record: {name}",
                f"        expr: vector({value})",
                f"        labels: {{{labels}}}",
            ]
    return "\n".join(lines) + "\n"


@contextmanager
def serving(folder: Path) -> Generator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "log").open("a") as log:
        server = subprocess.Popen(
            [
                "prometheus", f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}",
                "--storage.tsdb.retention.time=30d", "--log.level=warn",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait(lambda: requests.get(f"http://{address}/-/ready", timeout=5).ok, server, folder)
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait(60)


def _wait(done: Any, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            if done():
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError((folder / "log").read_text())


def answer(url: str, query: str, at: int | None = None) -> list[dict[str, Any]]:
    params: dict[str, Any] = {"query": query} | ({"time": at} if at else {})
    reply = requests.get(f"{url}/api/v1/query", params=params, timeout=30)
    return reply.json()["data"]["result"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, int]]:
    """Address of a Prometheus that holds eight hours of counters and of rules recorded from them,
    and when they begin."""
    folder = tmp_path_factory.mktemp("prometheus")
    start = (int(time.time()) - 13 * 3600) // 300 * 300
    (folder / "rules.yml").write_text(rules())
    (folder / "prometheus.yml").write_text(f"rule_files: [{folder}/rules.yml]\n")
    (folder / "counters").write_text(open_metrics(start))
    blocks = ["promtool", "tsdb", "create-blocks-from"]
    subprocess.run(
        [*blocks, "openmetrics", folder / "counters", folder / "data"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with serving(folder) as url:
        subprocess.run(
            [
                *blocks, "rules", f"--url={url}", f"--start={start}",
                f"--end={start + HOURS * 3600}", "--eval-interval=60s",
                f"--output-dir={folder}/data", folder / "rules.yml",
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    with serving(folder) as url:
        deadline = time.monotonic() + 60
        while len(answer(url, "slo:objective:ratio")) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        yield url, start


def test_burn_rates_are_those_of_prometheus_and_of_the_counters(
    recorded: tuple[str, int], tmp_path: Path, dbt: Dbt
) -> None:
    url, start = recorded
    site = Landing(tmp_path)
    since = (datetime.fromtimestamp(start, UTC) - timedelta(days=2)).date()
    for _ in range(2):
        extractor = PrometheusConfig(url=url, since=since).extractor(Context(environment={}))
        with open_landing(site.roots["landing"], tmp_path / "state", "prometheus") as landing:
            extractor.sync(landing)
        # Two settings and, the first time, a chunk for each day.
        assert extractor.requests <= 7
    site.write("slo/ledger.yaml", LEDGER_FILE)
    site.load(*project_streams(), readers=READERS)
    assert site.query("select * from raw.quarantine") == []
    dbt(
        "build", "--select", "+int_slo__daily_burn", "--exclude-resource-type", "unit_test",
        # A test that also reads models outside the selection has nothing to read.
        "--indirect-selection", "cautious",
        warehouse=site.warehouse, inline=False, as_of=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
    )  # fmt: skip

    burn = {
        (
            row["service_id"],
            row["window_seconds"],
            int(row["measured_at"].replace(tzinfo=UTC).timestamp()),
        ): row
        for row in site.query("select * from paydown_intermediate.int_slo__burn_rates")
    }
    objectives = {"checkout": 0.999, "ledger": 0.95}
    compared = gaps = 0
    for service, objective in objectives.items():
        rows = counters(service, start)
        service_id = f"uncatalogued:{service}"
        for at in range(start + 300, start + HOURS * 3600, 300):
            for window in WINDOWS:
                found = burn.get((service_id, seconds(window) or 0, at))
                ratio = expected_ratio(rows, at, seconds(window) or 0)
                if ratio is None:
                    assert found is None, (service, window, at)
                    gaps += 1
                    continue
                assert found is not None, (service, window, at)
                assert found["error_ratio"] == pytest.approx(ratio, rel=1e-9, abs=1e-12)
                assert found["burn_rate"] == pytest.approx(ratio / (1 - objective), rel=1e-9)
                compared += 1
    assert compared >= 1_100
    assert gaps >= 10
    for service, objective in objectives.items():
        for at in range(start + 300, start + HOURS * 3600, 2700):
            for result in answer(
                url,
                f'{{__name__=~"slo:sli_error:.*", sloth_service="{service}"}} / (1 - {objective})',
                at,
            ):
                said = float(result["value"][1])
                window = seconds(result["metric"]["sloth_window"]) or 0
                found = burn.get((f"uncatalogued:{service}", window, at))
                assert (found is None) == math.isnan(said)
                if found:
                    assert found["burn_rate"] == pytest.approx(said, rel=1e-12)

    sources = site.query(
        "select service_id, slo_name, objective_source, objective, window_days "
        "from paydown_intermediate.int_slo__objectives order by service_id"
    )
    assert [tuple(row.values()) for row in sources] == [
        ("uncatalogued:checkout", "requests", "prometheus", 0.999, 30),
        ("uncatalogued:ledger", "requests", "file", 0.95, 28),
    ]
