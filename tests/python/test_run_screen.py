"""The screen of `paydown run`: what waits, progress for pipes, and JSON for programs."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

from orchestration.cli.epics import _waiting
from orchestration.cli.run import MACHINES, _as_json, _steps_to
from orchestration.cli.tables import published_rows
from orchestration.epics.report import EpicEntry
from orchestration.flow import FlowResult
from orchestration.settings import Settings
from orchestration.steps import Check

from .flow_helpers import Demo


def entry(service: str, reason: str) -> EpicEntry:
    return EpicEntry(service, service, None, reason)


def test_what_waits_for_one_reason_is_one_line() -> None:
    reason = "is in the bundle band and no epic of the service is open"
    assert _waiting(
        [
            entry("ledger", f"score 22 {reason}"),
            entry("auth", f"score 20 {reason}"),
            entry("x", "score 24, but the review of 2026-06-20 decided: close"),
            entry("y", "its epic was closed on 2026-06-01 and no incident came after"),
        ]
    ) == [
        "ledger 22, auth 20: in the bundle band and no epic of the service is open",
        "x 24: the review of 2026-06-20 decided: close",
        "y: its epic was closed on 2026-06-01 and no incident came after",
    ]


def test_a_pipe_shows_when_another_step_begins() -> None:
    stream = io.StringIO()
    print_step = _steps_to(stream)
    for text in ("reading a.json", "reading b.json", "", "dbt: reading the project", "dbt"):
        print_step(text)
    assert stream.getvalue() == "reading\ndbt\n"


def test_before_anything_is_published_the_json_says_what_failed(tmp_path: Path) -> None:
    settings = Settings.from_environment({"PAYDOWN_HOME": str(tmp_path)})
    failed = FlowResult(
        "run", datetime.now(UTC), checks=[Check("a", "b", passed=False)], error="load: no"
    )
    result = json.loads(json.dumps(_as_json(settings, failed), default=str))
    assert (result["succeeded"], result["is_clean"], result["error"]) == (False, False, "load: no")
    assert result["failed_checks"][0]["name"] == "b"
    assert result["ranking"] == []


def test_the_json_shows_how_stable_a_band_is(demo: Demo) -> None:
    settings = Settings.from_environment(demo.site.environment())
    first, *others = published_rows(settings, MACHINES)
    assert (first["service_name"], first["score"], first["points_slo_burn"]) == (
        "api-gateway", 24, 5,
    )  # fmt: skip
    assert {0 <= row["same_band_share"] <= 1 for row in (first, *others)} == {True}
