"""The sample exports: generated deterministically, with the story and the cases they document."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ..samples.reading import (
    LANDING,
    entries,
    event_log,
    pagerduty,
    records,
    services,
    when,
)

GENERATE = LANDING.with_name("generate.py")


def generate(*arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run the generator as a person would, with another order of hashes."""
    command = [sys.executable, str(GENERATE), *arguments]
    environment = os.environ | {"PYTHONHASHSEED": seed}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_generator_is_deterministic_and_check_names_what_differs(tmp_path: Path) -> None:
    committed = generate("--check", seed="3")
    assert committed.returncode == 0, committed.stdout
    for seed in ("1", "2"):
        assert generate("--out", str(tmp_path / seed), seed=seed).returncode == 0
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert sum(map(len, tree(LANDING).values())) < 3_000_000
    changed = tmp_path / "1"
    (changed / "backstage/org/catalog-info.yaml").write_text("changed")
    (changed / "opsgenie/alerts/2026-q2.json.gz").write_bytes(gzip.compress(b"{}"))
    (changed / "stray.txt").write_text("stray")
    found = generate("--check", "--out", str(changed))
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "not generated: stray.txt",
        "differs: backstage/org/catalog-info.yaml",
        "differs: opsgenie/alerts/2026-q2.json.gz",
    ]


def postmortems() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (LANDING / "postmortems").glob("*.md")]


def identified() -> tuple[set[str], set[str]]:
    """Names of PagerDuty services that no id of the catalog names: those a name or alias knows,
    and the others."""
    notes = [one["metadata"]["annotations"] for one in services().values()]
    ids = {one.get("pagerduty.com/service-id") for one in notes}
    unknown = [row["service"] for row in pagerduty().values() if row["service"]["id"] not in ids]
    names = {alias.strip() for one in notes for alias in one.get("paydown/aliases", "").split(",")}
    stated = {service["summary"] for service in unknown}
    return stated & (names | set(services())), stated - names - set(services())


def flapping() -> list[int]:
    """How many incidents of one key follow each other within minutes."""
    keys: dict[str, list[datetime]] = {}
    for row in pagerduty().values():
        keys.setdefault(row["incident_key"], []).append(when(row["created_at"]))
    for row in records("opsgenie/incidents"):
        keys.setdefault(row["extraProperties"]["alias"], []).append(when(row["createdAt"]))
    bursts = [sorted(times) for times in keys.values() if len(times) >= 4]
    soon = timedelta(minutes=6)
    return sorted(len(one) for one in bursts if max(b - a for a, b in pairwise(one)) < soon)


def reopened() -> list[int]:
    """Log entries of triggering and resolving, of each incident with more than one trigger."""
    kinds = [[entry["type"][:4] for entry in one] for one in entries().values()]
    again = [[kind for kind in one if kind in ("trig", "reso")] for one in kinds]
    return sorted(len(one) for one in again if one.count("trig") > 1)


# What the run of the demo proves (scores, merged, duplicates, drills, clocks, bad lines, an older
# export) is tested there.
CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "forms of postmortems": (
        lambda: Counter(text.startswith("---\n") for text in postmortems()),
        {True: 35, False: 25},
    ),
    "statuses": (
        lambda: Counter(row["status"] for row in pagerduty().values() if not row["resolved_at"]),
        {"triggered": 1, "acknowledged": 2},
    ),
    "open in Opsgenie": (
        lambda: sum(row["status"] == "open" for row in records("opsgenie/incidents")),
        1,
    ),
    "reopened": (reopened, [4, 4, 4, 6]),
    "reopened in ServiceNow": (
        lambda: Counter(row["reopen_count"] == "1" for row in event_log()[0])[True] > 0,
        True,
    ),
    "flapping": (flapping, [4, 5, 6]),
    "only a name, or nothing, identifies": (
        identified,
        (
            {"webhooks", "fx-rates", "recon"},
            {"catch-all-monitoring", "legacy-batch", "payments-api-legacy"},
        ),
    ),
    "unknown in the other tools": (
        lambda: (
            any("service:pricing-engine" in row["tags"] for row in records("opsgenie/incidents"))
            and {"citrix-farm", "?"} <= {row["cmdb_ci"] for row in event_log()[0]}
        ),
        True,
    ),
    "across the change of the clock": (
        lambda: sum(
            row["created_at"] < "2026-03-29T01" < (row["resolved_at"] or "")
            for row in pagerduty().values()
        ),
        1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_documented_case_is_there(case: str) -> None:
    found, expected = CASES[case]
    assert found() == expected


def test_the_article_template_is_there_to_the_letter() -> None:
    bullets = [
        "- Services: payments-api, gateway",
        "- SLOs: latency P99 breached (3h), error rate 5xx 2.3%",
        "- Impact: 18% sessions, est $420k revenue",
        "- Contributing factors: missing circuit breaker; AI-generated retry code w/o backoff",
        "- Fix class: Istio config + refactor retry client + Terraform module update",
        "- Owner/DRI: @team-payments EM",
        "- Decision: Promote epic MOD-123; target Silver maturity",
    ]
    assert [text.splitlines()[1:8] for text in postmortems()].count(bullets) == 1
