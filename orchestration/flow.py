"""The whole flow in this process, as `paydown run` runs it: the job that Dagster runs too."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from orchestration.assets.extract import PROGRESS
from orchestration.automation import FLOW_JOB
from orchestration.settings import PROJECT_ROOT, Settings

ANSI = re.compile(r"\x1b\[[0-9;]*m")
DBT_PROGRESS = re.compile(r"(\d+ of \d+) (?:OK|PASS|START|FAIL|ERROR|WARN) (.*?) \.\.")
QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class FailedCheck:
    """A check of severity ERROR that did not pass, with what it found."""

    asset: str
    check: str
    details: str


@dataclass
class FlowResult:
    """What one run of the flow did. `metadata` is by asset, as the assets reported it."""

    run_id: str
    succeeded: bool
    seconds: float
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed_checks: list[FailedCheck] = field(default_factory=list)
    warnings: list[FailedCheck] = field(default_factory=list)
    checks: int = 0
    step_seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""
    output: str = ""

    @property
    def is_clean(self) -> bool:
        return self.succeeded and not self.failed_checks


def run_flow(settings: Settings, progress: Callable[[str], None]) -> FlowResult:
    """Materialize every asset. Run and events are kept in the home's Dagster instance."""
    started = time.monotonic()
    settings.export()
    prepare_dagster_home(settings)
    progress("reading the dbt project")
    from orchestration.definitions import build_definitions

    with _captured_output(progress) as output:
        job = build_definitions(settings).resolve_job_def(FLOW_JOB)
        with dg.DagsterInstance.get() as instance:
            execution = job.execute_in_process(
                instance=instance, raise_on_error=False, run_config=QUIET_LOGS
            )
    result = FlowResult(execution.run_id, execution.success, time.monotonic() - started)
    for event in execution.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        result.metadata[materialization.asset_key.to_user_string()] = {
            name: value.value for name, value in materialization.metadata.items()
        }
    for evaluation in execution.get_asset_check_evaluations():
        result.checks += 1
        if not evaluation.passed:
            is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
            (result.failed_checks if is_error else result.warnings).append(
                FailedCheck(
                    evaluation.asset_key.to_user_string(),
                    evaluation.check_name,
                    _details(evaluation),
                )
            )
    for event in execution.get_step_success_events():
        result.step_seconds[event.step_key or ""] = event.step_success_data.duration_ms / 1000
    for event in execution.get_step_failure_events():
        result.error = _reason(event.step_failure_data.error)
    result.output = output.getvalue()
    return result


def prepare_dagster_home(settings: Settings) -> None:
    """Make the home's Dagster instance the one in use, with this project's settings."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)


@contextlib.contextmanager
def _captured_output(progress: Callable[[str], None]) -> Generator[io.StringIO]:
    """Keep what dbt and Dagster print, and turn lines of dbt and of syncs into progress."""
    kept = _Progress(progress)
    with contextlib.redirect_stdout(kept), contextlib.redirect_stderr(kept):
        yield kept


class _Progress(io.StringIO):
    def __init__(self, progress: Callable[[str], None]) -> None:
        super().__init__()
        self._progress = progress

    def write(self, text: str) -> int:
        clean = ANSI.sub("", text)
        if match := DBT_PROGRESS.search(clean):
            self._progress(f"dbt: {match[1]}, {match[2]}")
        elif clean.startswith(PROGRESS):
            self._progress(clean)
        return super().write(clean)


def _details(evaluation: Any) -> str:
    values = (str(value.value) for value in evaluation.metadata.values())
    return "\n".join(value for value in values if value and value != "none")


def _reason(error: Any) -> str:
    while error.cause is not None:
        error = error.cause
    return error.message.strip()
