"""The sample exports: generated deterministically, and telling the story they claim to tell."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, median

import yaml

from ..samples.reading import (
    AS_OF,
    LANDING,
    entities,
    event_log,
    minutes,
    pagerduty,
    records,
    services,
    value,
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


def test_generator_is_deterministic_and_its_output_is_committed(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        assert generate("--out", str(tmp_path / seed), seed=seed).returncode == 0
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    committed = generate("--check", seed="3")
    assert committed.returncode == 0, committed.stdout
    assert sum(map(len, tree(LANDING).values())) < 3_000_000


def test_check_names_what_differs(tmp_path: Path) -> None:
    assert generate("--out", str(tmp_path)).returncode == 0
    (tmp_path / "backstage/org/catalog-info.yaml").write_text("changed")
    (tmp_path / "opsgenie/alerts/2026-q2.json.gz").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "stray.txt").write_text("stray")
    found = generate("--check", "--out", str(tmp_path))
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "not generated: stray.txt",
        "differs: backstage/org/catalog-info.yaml",
        "differs: opsgenie/alerts/2026-q2.json.gz",
    ]


def test_the_company() -> None:
    assert len(services()) == 25
    assert len(entities("Group")) == 5
    assert all("@" in one["spec"]["profile"]["email"] for one in entities("Group").values())
    assert len(entities("User")) >= 5
    assert [name for name, one in services().items() if "owner" not in one["spec"]] == ["event-bus"]
    assert (
        sum("paydown/aliases" in one["metadata"]["annotations"] for one in services().values()) >= 5
    )


def test_the_incidents() -> None:
    opsgenie = {row["id"] for row in records("opsgenie/incidents")}
    servicenow = {value(row["number"]) for row in records("servicenow/incidents")}
    servicenow |= {row["number"] for row in event_log()[0]}
    assert len(pagerduty()) > len(opsgenie) > len(servicenow) > 90
    assert 600 <= len(pagerduty()) + len(opsgenie) + len(servicenow) <= 700
    begun = [when(row["created_at"]) for row in pagerduty().values()]
    assert min(begun) < datetime(2026, 1, 8, tzinfo=UTC)
    assert AS_OF - timedelta(days=2) < max(begun) < AS_OF


def test_the_postmortems() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (LANDING / "postmortems").glob("*.md")]
    kinds = Counter("front matter" if text.startswith("---\n") else "bullets" for text in texts)
    assert kinds == {"front matter": 35, "bullets": 25}
    known = set(pagerduty()) | {row["id"] for row in records("opsgenie/incidents")}
    known |= {value(row["number"]) for row in records("servicenow/incidents")}
    known |= {row["number"] for row in event_log()[0]}
    for text in texts:
        front = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else {}
        stated = front.get("incident") or text.splitlines()[0].removeprefix("# Postmortem: ").split(
            ", "
        )
        references = stated if isinstance(stated, list) else [stated]
        assert {one.rpartition(":")[2] for one in references} <= known


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
    texts = [path.read_text(encoding="utf-8") for path in (LANDING / "postmortems").glob("*.md")]
    assert [text.splitlines()[1:8] for text in texts].count(bullets) == 1


def test_the_gateway_ate_the_quarter() -> None:
    gateway = services()["api-gateway"]["metadata"]["annotations"]["pagerduty.com/service-id"]
    counted = [
        row
        for row in pagerduty().values()
        if row["service"]["id"] == gateway
        and when(row["created_at"]) > AS_OF - timedelta(days=90)
        and not row["title"].startswith("[")
        and not row["resolve_reason"]
    ]
    severe = [row for row in counted if row["priority"]["summary"] == "P2"]
    assert len(severe) == 3
    assert all(when(row["created_at"]) > AS_OF - timedelta(weeks=6) for row in severe)
    assert (
        mean(map(minutes, severe))
        == mean(map(minutes, counted))
        == median(map(minutes, counted))
        == 140
    )
    ids = {row["id"] for row in severe}
    fronts = [
        yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])
        for path in (LANDING / "postmortems").glob("*api-gateway*.md")
        if any(one in path.read_text(encoding="utf-8") for one in ids)
    ]
    burnt = [
        s
        for f in fronts
        for s in f["slos"]
        if s["type"] == "availability" and s["burn_rate"] > 14.4
    ]
    assert len(fronts) == 3
    assert len(burnt) == 2
    assert max(f["impact"]["users_percent"] for f in fronts) == 40
    assert max(fronts, key=lambda f: f["completed_at"])["estimate_days"] == 5
    assert {"present": True, "has_tests": False} in [f.get("ai_generated_code") for f in fronts]


def test_dependencies_have_one_cycle() -> None:
    edges = {
        name: {
            ref.rpartition(":")[2].rpartition("/")[2] for ref in one["spec"].get("dependsOn", [])
        }
        for name, one in services().items()
    }

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            fresh = edges.get(waiting.pop(), set()) - seen
            seen |= fresh
            waiting += fresh
        return seen

    assert {name for name in edges if name in reach(name)} == {
        "ledger",
        "settlement",
        "reconciliation",
    }
    known = set(entities("Component")) | set(entities("Resource"))
    assert set().union(*edges.values()) <= known
    apis = {ref for one in services().values() for ref in one["spec"].get("consumesApis", [])}
    assert apis <= set(entities("API"))
