"""Workflows ask for no more than they need, and call commands that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from orchestration.cli import app

from .flow_helpers import ROOT

FILES = [
    *sorted((ROOT / ".github/workflows").glob("*.yml")),
    ROOT / "orchestration/cli/init-workflow.yml",
]
SYNCS = [path for path in FILES if "Sync Modernization" in path.read_text(encoding="utf-8")]


def steps(path: Path) -> list[dict[str, Any]]:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_has_least_rights_and_known_commands(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"]["contents"] in ("read", "write")
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    for step in steps(path):
        script = step.get("run", "")
        # What GitHub puts into a script is run as a part of it.
        assert "${{" not in script
        assert {*re.findall(r"bin/paydown ([\w-]+)", script)} <= {*program.commands}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_named_by_hash(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert not [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)]


@pytest.mark.parametrize("path", SYNCS, ids=lambda path: path.name)
def test_the_list_is_proposed_on_fridays_by_a_token_of_the_environment(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow[True]["schedule"] == [{"cron": "0 13 * * 5"}]
    pushing = [step for step in steps(path) if "paydown sync-" in step.get("run", "")]
    assert {("GH_TOKEN" in step["env"]) for step in pushing} == {True}
    assert sum("sync-decisions" in step["run"] for step in pushing) == 1
    others = [step for step in steps(path) if step not in pushing]
    assert not [step for step in others if "GH_TOKEN" in str(step)]
    checkouts = [step for step in others if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize(
    ("program", "options"), [("actionlint", []), ("zizmor", ["--offline", "--min-severity=medium"])]
)
def test_linters_of_workflows_find_nothing(program: str, options: list[str]) -> None:
    if not (found := shutil.which(program)):
        pytest.skip(f"no {program} on the PATH")
    done = subprocess.run([found, *options, *FILES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
