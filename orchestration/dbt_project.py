"""The dbt project: its parsed manifest, and dbt run in this process.

A dbt process costs about 5 s of CPU for its imports and as much for parsing. So the project is
parsed only if one of its inputs changed, and a run hands the parsed manifest to dbt, which then
neither parses nor writes artefacts.
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
from orchestration.warehouse import busy_error

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

ENV_VAR = re.compile(r"env_var\('(\w+)'")
PARSED_FOLDERS = ("models", "macros", "seeds", "tests/dbt", "profiles")
# Where Dagster looks for the manifest; its graph doesn't depend on any home.
GRAPH_FOLDER = PROJECT_ROOT / ".paydown" / "dbt"
# dbt's log on disk and its artefacts cost seconds; what failed is in the result.
QUIET = ("--quiet", "--no-use-colors", "--log-level-file", "none")
# No view for a model that only one other model reads: only unit tests need its columns, and a run
# has none.
SINGLE_USE = {"single_use": "ephemeral"}
# A test that fails prints a line per broken rule, with an example.
BROKEN_RULE = re.compile(r"^(\w+): (rule_name=.*)$", re.MULTILINE)

Progress = Callable[[str], None]


class DbtError(Exception):
    """dbt failed; the message is dbt's."""


@dataclass(frozen=True)
class NodeOutcome:
    """The outcome of one node; `status` is dbt's."""

    unique_id: str
    status: str
    seconds: float = 0
    message: str = ""

    @property
    def is_test(self) -> bool:
        return self.unique_id.startswith("test.")


@dataclass
class DbtResult:
    """What one invocation did, node by node."""

    succeeded: bool
    nodes: list[NodeOutcome] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """What failed, with dbt's message."""
        statuses = ("error", "fail", "runtime error")
        return [f"{n.unique_id}: {n.message}" for n in self.nodes if n.status in statuses]


def project_files() -> list[Path]:
    """Every file that dbt parses; folders too, whose time changes when a file goes."""
    files = [PROJECT_ROOT / "dbt_project.yml"]
    for folder in PARSED_FOLDERS:
        files += (PROJECT_ROOT / folder).rglob("*")
    return sorted(files)


def parse_into(folder: Path) -> Path:
    """Parse the project if it changed since the manifest in `folder` was written.

    Raises:
        DbtError: the project can't be parsed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp, inputs = folder / "manifest.inputs", _inputs()
    # dbt writes the manifest in place, so only one of several concurrent processes may parse.
    with FileLock(stamp.with_suffix(".lock")):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != inputs:
            stamp.unlink(missing_ok=True)
            variables = json.dumps(SINGLE_USE)
            _invoke(["parse", "--target-path", str(folder), "--vars", variables, *QUIET])
            stamp.write_text(inputs, encoding="utf-8")
    return folder


def parsed(settings: Settings) -> Path:
    """The folder with an up-to-date manifest."""
    settings.export()
    return parse_into(settings.dbt_target_path)


def manifest(settings: Settings) -> Mapping[str, Any]:
    """The parsed project: sources (the input contracts), models, tests."""
    return json.loads((parsed(settings) / "manifest.json").read_text(encoding="utf-8"))


def build_arguments(settings: Settings, *command: str, **variables: str) -> list[str]:
    """The arguments of a dbt command, by default of the usual `dbt build` of the data.

    Tests of the code run in `make test`. If `as_of` isn't fixed, models ask the clock.
    """
    command = command or ("build", "--exclude-resource-type", "unit_test")
    if settings.as_of:
        variables["as_of"] = f"{settings.as_of:%Y-%m-%d %H:%M:%S}"
    stated = json.dumps(SINGLE_USE | variables)
    return [*command, "--target", settings.target, "--vars", stated]


def run_dbt(
    settings: Settings, arguments: Sequence[str], progress: Progress = lambda _: None
) -> DbtResult:
    """Run one dbt command in this process on the settings' warehouse.

    Args:
        progress: receives a line for each node that ends.

    Raises:
        DbtError: dbt stopped before it ran any node. A node that fails is in the result.
        WarehouseBusyError: another program has the warehouse open.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.contracts.graph.manifest import Manifest

    # The same manifest as dbt's own objects, which dbt keeps for partial parsing.
    objects = (parsed(settings) / "partial_parse.msgpack").read_bytes()
    try:
        return _invoke(
            [*arguments, *QUIET, "--no-write-json"], progress, Manifest.from_msgpack(objects)
        )
    except DbtError as error:
        if busy := busy_error(settings.warehouse, str(error)):
            raise busy from None
        raise
    finally:
        # Nobody else can open the file while dbt is connected.
        DuckDBConnectionManager.close_all_connections()


def _invoke(
    arguments: Sequence[str],
    progress: Progress = lambda _: None,
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
    nodes = []
    for one in getattr(done.result, "results", []):
        message = "\n".join(broken.get(one.node.name, [])) or (one.message or "").strip()
        nodes.append(NodeOutcome(one.node.unique_id, str(one.status), one.execution_time, message))
    return DbtResult(done.success, nodes)


def _inputs() -> str:
    """What a manifest depends on: files, and the variables that input contracts name."""
    names = {"PAYDOWN_TARGET", "PAYDOWN_POSTGRES_DATABASE", "PAYDOWN_SNOWFLAKE_DATABASE"}
    for file in (PROJECT_ROOT / "models").rglob("_*__sources.yml"):
        names |= set(ENV_VAR.findall(file.read_text(encoding="utf-8")))
    variables = {name: os.environ.get(name) for name in sorted(names)}
    times = {str(file): file.stat().st_mtime_ns for file in project_files() if file.exists()}
    return json.dumps([variables, times])


if __name__ == "__main__":
    parse_into(GRAPH_FOLDER)
