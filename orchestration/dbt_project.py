"""The dbt project: its parsed manifest, and dbt run in this process.

A dbt process costs about 5 s of CPU for its imports and as much for parsing. So the project is
parsed only where one of its files is newer than the manifest, and a run hands the parsed manifest
over to dbt, which then neither parses nor writes artefacts.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from orchestration.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

ENV_VAR = re.compile(r"env_var\('(\w+)'")
PARSED_FOLDERS = ("models", "macros", "seeds", "tests/dbt", "profiles")
MANIFEST = "manifest.json"
# The same manifest as dbt's own objects, which dbt keeps to parse less the next time.
PARTIAL_PARSE = "partial_parse.msgpack"
# Where Dagster looks for the manifest; its graph doesn't depend on any home.
GRAPH_FOLDER = PROJECT_ROOT / ".paydown" / "dbt"
# dbt's log on disk and its artefacts cost seconds; what failed is in the result.
QUIET = ("--quiet", "--no-use-colors", "--log-level-file", "none")
# A test that fails prints a line for each rule that is broken, with an example.
BROKEN_RULE = re.compile(r"^(\w+): (rule_name=.*)$", re.MULTILINE)


class DbtError(Exception):
    """dbt could not do what it was asked to; the message is dbt's."""


@dataclass(frozen=True)
class NodeOutcome:
    """What became of one node: `status` is dbt's, `failures` are rows that a test returned."""

    unique_id: str
    status: str
    seconds: float = 0
    message: str = ""
    failures: int = 0

    @property
    def is_test(self) -> bool:
        return self.unique_id.startswith("test.")

    @property
    def has_failed(self) -> bool:
        return self.status in ("error", "fail", "runtime error")


@dataclass
class DbtResult:
    """What one invocation did, node by node."""

    succeeded: bool
    nodes: list[NodeOutcome] = field(default_factory=list)


def parsed(settings: Settings) -> Path:
    """The folder of a manifest that is as new as the project's files; parses where it is not.

    Raises:
        DbtError: the project can't be parsed.
    """
    settings.export()
    return parse_into(settings.dbt_target_path)


def parse_into(folder: Path) -> Path:
    """The same for any folder; the environment names the target."""
    inputs = folder / "manifest.inputs"
    contract_inputs = _contract_inputs()
    folder.mkdir(parents=True, exist_ok=True)
    # dbt writes the manifest in place: of processes that start concurrently, one parses.
    with FileLock(inputs.with_suffix(".lock")):
        if _is_stale(folder) or _read(inputs) != contract_inputs:
            _invoke(["parse", "--target-path", str(folder), *QUIET])
            inputs.write_text(contract_inputs, encoding="utf-8")
    return folder


def manifest(settings: Settings) -> Mapping[str, Any]:
    """The parsed project: sources (the input contracts), models, tests."""
    return json.loads((parsed(settings) / MANIFEST).read_text(encoding="utf-8"))


def dbt_variables(settings: Settings) -> dict[str, str]:
    """The variables of a usual run: `as_of` where it is fixed, else the models ask the clock."""
    return {"as_of": f"{settings.as_of:%Y-%m-%d %H:%M:%S}"} if settings.as_of else {}


def build_arguments(settings: Settings, variables: Mapping[str, Any] | None = None) -> list[str]:
    """The arguments of the usual `dbt build`.

    Unit tests are about the code, not the data, and run in `make test`.
    """
    arguments = ["build", "--target", settings.target, "--exclude-resource-type", "unit_test"]
    variables = dbt_variables(settings) if variables is None else variables
    return [*arguments, "--vars", json.dumps(variables)] if variables else arguments


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    progress: Callable[[str], None] = lambda _: None,
) -> DbtResult:
    """Run one dbt command in this process on the settings' warehouse.

    Args:
        progress: receives a line for each node that ends.

    Raises:
        DbtError: dbt stopped before it ran any node. A node that fails is in the result.
    """
    from dbt.contracts.graph.manifest import Manifest

    handed_over = Manifest.from_msgpack((parsed(settings) / PARTIAL_PARSE).read_bytes())
    try:
        return _invoke([*arguments, *QUIET, "--no-write-json"], progress, handed_over)
    finally:
        _release_warehouse()


def _invoke(
    arguments: Sequence[str],
    progress: Callable[[str], None] = lambda _: None,
    handed_over: Manifest | None = None,
) -> DbtResult:
    from dbt.cli.main import dbtRunner

    def show(event: EventMsg) -> None:
        if event.info.name == "LogModelResult":
            data: Any = event.data
            progress(f"dbt: {data.index} of {data.total}, {data.description}")

    folders = ["--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT / "profiles")]
    runner = dbtRunner(handed_over, callbacks=[show])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        done = runner.invoke([*arguments, *folders])
    if done.exception:
        raise DbtError(str(done.exception).strip()) from done.exception
    broken: dict[str, list[str]] = {}
    for name, rule in BROKEN_RULE.findall(printed.getvalue()):
        broken.setdefault(name, []).append(rule)
    results = getattr(done.result, "results", [])
    return DbtResult(done.success, [_outcome(result, broken) for result in results])


def _outcome(result: Any, broken: Mapping[str, Sequence[str]]) -> NodeOutcome:
    message = "\n".join(broken.get(result.node.name, [])) or (result.message or "").strip()
    status, node_id = str(result.status), result.node.unique_id
    return NodeOutcome(node_id, status, result.execution_time, message, result.failures or 0)


def _release_warehouse() -> None:
    """Close dbt's connection: nobody else can open the file while it lasts."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _contract_inputs() -> str:
    """The environment variables that input contracts name, with their values: the manifest holds
    what they were when it was parsed."""
    names: set[str] = set()
    for file in (PROJECT_ROOT / "models").rglob("_*__sources.yml"):
        names |= set(ENV_VAR.findall(file.read_text(encoding="utf-8")))
    return json.dumps({name: os.environ.get(name) for name in sorted(names)})


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _is_stale(folder: Path) -> bool:
    try:
        json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        written = min((folder / name).stat().st_mtime for name in (MANIFEST, PARTIAL_PARSE))
    except (FileNotFoundError, ValueError):  # dbt was killed while it wrote
        return True
    return any(file.stat().st_mtime > written for file in project_files())


def project_files() -> list[Path]:
    """Every file that dbt parses; folders too, whose time changes when a file goes."""
    files = [PROJECT_ROOT / "dbt_project.yml"]
    for folder in PARSED_FOLDERS:
        files += (PROJECT_ROOT / folder).rglob("*")
    return files


if __name__ == "__main__":
    parse_into(GRAPH_FOLDER)
