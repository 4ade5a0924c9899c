"""The dbt project as Dagster sees it: where it is, that its manifest is fresh, how it is run."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource, DbtProject
from filelock import FileLock

from orchestration.settings import PROJECT_ROOT, Settings

ENV_VAR = re.compile(r"env_var\('(\w+)'")
PARSED_FOLDERS = ("models", "macros", "seeds", "tests/dbt", "profiles")


@cache
def dbt_project(settings: Settings) -> DbtProject:
    """The project with a manifest that is as new as its files.

    Parsing costs a dbt process (6 to 12 s), so it is done only where a file is newer than the
    manifest, and then by whoever loads the definitions first.
    """
    project = DbtProject(
        PROJECT_ROOT,
        target_path=settings.dbt_target_path,
        profiles_dir=PROJECT_ROOT / "profiles",
        target=settings.target,
    )
    inputs = project.manifest_path.with_name("manifest.inputs")
    contract_inputs = _contract_inputs()
    project.manifest_path.parent.mkdir(parents=True, exist_ok=True)
    # dbt writes the manifest in place: of processes that start at once, one parses.
    with FileLock(inputs.with_suffix(".lock")):
        if _is_stale(project.manifest_path) or _read(inputs) != contract_inputs:
            dbt_resource(project).cli(["parse", "--quiet"], target_path=project.target_path).wait()
            inputs.write_text(contract_inputs, encoding="utf-8")
    return project


def dbt_resource(project: DbtProject) -> DbtCliResource:
    """The dbt of this environment, whether or not its folder is on the PATH."""
    beside_python = Path(sys.executable).with_name("dbt")
    executable = str(beside_python) if beside_python.exists() else "dbt"
    return DbtCliResource(project_dir=project, dbt_executable=executable)


def manifest(settings: Settings) -> Mapping[str, Any]:
    """The parsed project: sources (the input contracts), models, tests."""
    return json.loads(dbt_project(settings).manifest_path.read_text(encoding="utf-8"))


def dbt_arguments(settings: Settings) -> list[str]:
    """What `dbt build` is told.

    Unit tests speak of the code, not of the data, and run in `make test`.
    """
    arguments = ["build", "--target", settings.target, "--exclude-resource-type", "unit_test"]
    if variables := dbt_variables(settings):
        arguments += ["--vars", json.dumps(variables)]
    return arguments


def dbt_variables(settings: Settings) -> dict[str, str]:
    """The variables of a usual run.

    `as_of` is passed only when it is fixed: a variable that changes with every run would make dbt
    parse the whole project every time.
    """
    return {"as_of": f"{settings.as_of:%Y-%m-%d %H:%M:%S}"} if settings.as_of else {}


def _contract_inputs() -> str:
    """The environment variables that input contracts name, with their values: the manifest holds
    what they were when it was parsed."""
    names: set[str] = set()
    for file in (PROJECT_ROOT / "models").rglob("_*__sources.yml"):
        names |= set(ENV_VAR.findall(file.read_text(encoding="utf-8")))
    return json.dumps({name: os.environ.get(name) for name in sorted(names)})


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _is_stale(manifest_path: Path) -> bool:
    try:
        json.loads(manifest_path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # dbt was killed while it wrote
        return True
    written = manifest_path.stat().st_mtime
    files = [PROJECT_ROOT / "dbt_project.yml"]
    for folder in PARSED_FOLDERS:
        files += (PROJECT_ROOT / folder).rglob("*")
    return any(file.stat().st_mtime > written for file in files)
