"""What the doctor says of the tracker before anything is written to it."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration.cli.doctor import check_tracker
from orchestration.cli.streams import Finding
from orchestration.settings import Settings

from .loopback import serving
from .tracker_helpers import ENVIRONMENT, asked, section
from .vendor_jira import Jira
from .vendor_jira_state import TOKEN


def findings(home: Path, text: str = "", **environment: str) -> dict[str, Finding]:
    modernization = home / "modernization"
    modernization.mkdir(exist_ok=True)
    if text:
        (modernization / "tracker.yaml").write_text(text)
    env = {"PAYDOWN_HOME": str(home), "PAYDOWN_MODERNIZATION": str(modernization)} | environment
    return {found.subject: found for found in check_tracker(Settings.from_environment(env))}


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@contextmanager
def board(vendor: Jira) -> Generator[str]:
    """tracker.yaml for a loopback Jira; YAML holds JSON."""
    with serving(vendor) as url:
        settings = section(vendor, url)
        yield json.dumps({"kind": "jira", "jira": settings})


@pytest.mark.usefixtures("secrets")
def test_a_tracker_that_is_ready_and_not_switched_on(tmp_path: Path) -> None:
    vendor = Jira()
    with board(vendor) as text:
        told = findings(tmp_path, text)
        switched_on = findings(tmp_path, text, PAYDOWN_DRY_RUN="0")
    checks = {name: found.state for name, found in told.items() if name.startswith("jira ")}
    assert set(checks.values()) == {"ok"}
    assert {"jira connection", "jira permissions in MOD", "jira board query"} <= checks.keys()
    assert (told["dry run"].state, switched_on["dry run"].state) == ("note", "ok")
    assert "PAYDOWN_DRY_RUN=0" in told["dry run"].text
    assert switched_on["dry run"].text == "off: runs write to the tracker"
    reads = ("GET", "POST /jql/parse")
    assert [one for one in asked(vendor) if not one.startswith(reads)] == []
    assert not vendor.issues


@pytest.mark.usefixtures("secrets")
def test_what_is_missing_is_told_and_the_rest_is_checked(tmp_path: Path) -> None:
    vendor = Jira()
    vendor.permissions -= {"CREATE_ISSUES"}
    with board(vendor) as text:
        told = findings(tmp_path, text)
    denied = told["jira permissions in MOD"]
    assert (denied.state, "grant CREATE_ISSUES" in denied.text) == ("bad", True)
    assert {told[name].state for name in ("jira connection", "jira board query")} == {"ok"}


def test_a_secret_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JIRA_TOKEN", raising=False)
    with board(Jira()) as text:
        told = findings(tmp_path, text)
    assert told["tracker jira"].state == "bad"
    assert "is not set" in told["tracker jira"].text


@pytest.mark.usefixtures("secrets")
def test_a_tracker_that_is_away_costs_a_line_and_no_secret(tmp_path: Path) -> None:
    with board(Jira()) as text:
        pass
    told = findings(tmp_path, text)
    assert told["jira connection"].state == "bad"
    assert TOKEN not in " ".join(found.text for found in told.values())


def test_local_files_need_no_switch(tmp_path: Path) -> None:
    told = findings(tmp_path)
    assert {found.state for found in told.values()} == {"ok"}
    assert "dry run" not in told
    assert not (tmp_path / "epics").exists()
