"""The complete flow in this process, as run by `paydown run`: sync, load, dbt, publish, epics.

The steps are those of Dagster's assets. Dagster itself is not imported, which would cost more than
a run with nothing new; each run leaves a report in `PAYDOWN_HOME/runs`, from which a sensor records
its assets and checks in Dagster.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration import steps
from orchestration.dbt_project import NodeOutcome, Progress, project_files
from orchestration.epics.publisher import EpicsReport
from orchestration.loader import LoadReport
from orchestration.publish.analyst_copy import PublishedCopy
from orchestration.replacing import replace_file
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.steps import Check
from orchestration.vendors.sync import SyncResult
from orchestration.warehouse import warehouse_of

KEPT_REPORTS = 50


class StepError(Exception):
    """A step that stopped the run; the message says what people need to know."""


@dataclass
class FlowResult:
    """What one run did; None for steps it did not reach.

    is_built: models were built; False if nothing is new since the last build.
    """

    run_id: str
    started_at: datetime
    succeeded: bool = False
    seconds: float = 0
    synced: list[SyncResult] = field(default_factory=list)
    loaded: LoadReport | None = None
    is_built: bool = False
    models: list[NodeOutcome] = field(default_factory=list)
    published: PublishedCopy | None = None
    page: Path | None = None
    epics: EpicsReport | None = None
    checks: list[Check] = field(default_factory=list)
    step_seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def failed_checks(self) -> list[Check]:
        """Checks that a person has to look at."""
        return [check for check in self.checks if not check.passed and not check.is_warning]

    @property
    def is_clean(self) -> bool:
        return self.succeeded and not self.failed_checks


def run_flow(settings: Settings, progress: Progress) -> FlowResult:
    """Run every step; the first that fails ends the run, and the result says why."""
    started = time.monotonic()
    settings.export()
    result = FlowResult(uuid.uuid4().hex, datetime.now(UTC))
    try:
        _run(settings, result, progress)
        result.succeeded = True
    except (StepError, OSError) as error:
        result.error = str(error)
    result.seconds = time.monotonic() - started
    try:
        _write_report(settings, result)
    except OSError as error:
        result.succeeded, result.error = False, result.error or str(error)
    return result


def _run(settings: Settings, result: FlowResult, progress: Progress) -> None:
    """The steps.

    Models are built if a load brings anything, a file of the project or of this program or a
    setting changed, somebody else wrote to the warehouse, or the analysts' copy is gone. With a
    moving clock, windows move too: then also once an hour (UTC).
    """
    stamp, inputs = settings.runs / "built.json", _inputs(settings)
    with _step(result, "warehouse"):
        state = _state(settings, inputs)
    is_current = (state and stamp.exists() and stamp.read_text() == state) and all(
        path.exists() for path in (settings.published_database, settings.published_page)
    )
    with _step(result, "sync"):
        result.synced, checks = steps.sync(settings, settings.sources, progress)
        result.checks += checks
    with _step(result, "load"):
        result.loaded, checks = steps.load(settings, progress=progress)
        result.checks += checks
        for check in checks:
            if check.name == steps.BLOCKING and not check.passed:
                raise StepError(check.details)
    # It isn't known whether another tool's table has changed.
    is_current = is_current and not result.loaded.relations
    if not is_current or result.loaded.files_loaded or result.loaded.files_removed:
        # Until all is built, tested and published, the models are a mix of old and new.
        stamp.unlink(missing_ok=True)
        with _step(result, "dbt"):
            progress("dbt: reading the project")
            built, checks = steps.build(settings, progress)
            result.is_built = True
            result.models = [node for node in built.nodes if not node.is_test]
            result.checks += checks
            if not built.succeeded:
                raise StepError(f"dbt build: {steps.listed(built.failed)}")
        with _step(result, "publish"):
            result.published = steps.publish(settings)
            result.page = steps.write_page(settings)
    with _step(result, "epics"):
        progress("epics: asking the tracker")
        result.epics, check = steps.open_epics(settings, result.run_id)
        result.checks.append(check)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(_state(settings, inputs))


@contextmanager
def _step(result: FlowResult, name: str) -> Generator[None]:
    """Time a step; an error becomes a `StepError`."""
    started = time.monotonic()
    try:
        yield
    except StepError:
        raise
    except steps.ADVISING as error:
        raise StepError(f"{name}: {error}") from error
    except Exception as error:
        raise StepError(f"{name}: {type(error).__name__}: {error}") from error
    finally:
        result.step_seconds[name] = time.monotonic() - started


def _inputs(settings: Settings) -> str:
    """A hash of all that the models depend on besides the warehouse."""
    files = [*project_files(), *sorted((PROJECT_ROOT / "orchestration").rglob("*.*"))]
    moment = settings.as_of or settings.now().replace(minute=0, second=0, microsecond=0)
    stated = [
        *map(str, (settings.target, settings.modernization, settings.landing, moment)),
        *(
            f"{file}:{file.stat().st_mtime_ns}"
            for file in files
            if file.exists() and file.suffix != ".pyc"
        ),
    ]
    return hashlib.sha256("\n".join(stated).encode()).hexdigest()


def _state(settings: Settings, inputs: str) -> str:
    """What models were built from; empty if unknown. A replay, backfill or `dbt build` changes
    it."""
    state = warehouse_of(settings).state()
    return json.dumps([inputs, *state]) if state else ""


def _write_report(settings: Settings, result: FlowResult) -> None:
    """Save what the run did as JSON, atomically, for Dagster's sensor."""
    assets: dict[str, Any] = {f"{one.source}/sync": {"status": one.status} for one in result.synced}
    if result.loaded:
        rows = result.loaded.rows_by_stream
        assets |= {name.replace(".", "/"): {"rows_loaded": n} for name, n in rows.items()}
        assets[steps.LOADS] = {"rows_loaded": result.loaded.rows_loaded}
        assets[steps.QUARANTINE] = {"rows_quarantined": result.loaded.rows_quarantined}
    for node in result.models:
        if node.status == "success":
            assets[node.unique_id.split(".")[-1]] = {"seconds": node.seconds}
    if result.published:
        assets["analysts_copy"] = {"rows": sum(result.published.rows.values())}
    if result.page:
        assets["review_page"] = {"bytes": result.page.stat().st_size}
    if result.epics:
        assets["epics"] = result.epics.counts
    report = {
        "run_id": result.run_id,
        "succeeded": result.succeeded,
        "error": result.error,
        "assets": assets,
        "checks": [asdict(check) for check in result.checks],
        "scored_days": [str(d) for d in steps.scored_days(settings)] if result.published else [],
    }
    name = f"{result.started_at:%Y%m%dT%H%M%S%f}-{result.run_id}.json"
    replace_file(settings.runs / name, json.dumps(report))
    for old in sorted(settings.runs.glob("*T*-*.json"))[:-KEPT_REPORTS]:
        old.unlink(missing_ok=True)
