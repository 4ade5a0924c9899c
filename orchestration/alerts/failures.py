"""What failed in a run: steps, and checks of severity ERROR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.alerts.message import Alert, Item

DETAILS = 600
ADVICE = "What to do: `paydown doctor` says what needs a person."
# Checks of this name belong to sources, which are told of once they are stale.
OF_A_SOURCE = "_is_complete"

Owners = Mapping[str, str]


@dataclass(frozen=True)
class Failure:
    """A step or a check; `subject` is the same in the next run if the same thing fails."""

    subject: str
    details: str
    owner: str
    is_of_source: bool = False

    def item(self) -> Item:
        return Item(self.subject, self.details or "no details", self.owner)


def owners(assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> Owners:
    """Who owns each asset and step, by name; a step belongs to the owner of its first asset."""
    found: dict[str, str] = {}
    for asset in assets:
        is_spec = isinstance(asset, dg.AssetSpec)
        for spec in [asset] if is_spec else asset.specs:
            if spec.owners:
                owner = spec.owners[0].removeprefix("team:")
                found[spec.key.to_user_string()] = owner
                if not is_spec:
                    found.setdefault(asset.op.name, owner)
    return found


def failures_of(instance: dg.DagsterInstance, run_id: str, owners: Owners) -> list[Failure]:
    """All failures of a run; `owners` is what the function of this name gives."""
    found = []
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        check = event.asset_check_evaluation_data
        if check.passed or check.severity != dg.AssetCheckSeverity.ERROR:
            continue
        asset = check.asset_key.to_user_string()
        details = "\n".join(str(value.value) for value in check.metadata.values())
        found.append(
            Failure(
                f"check {check.check_name} of {asset}",
                details[:DETAILS],
                owners.get(asset, ""),
                check.check_name.endswith(OF_A_SOURCE),
            )
        )
    for event in _events(instance, run_id, dg.DagsterEventType.STEP_FAILURE):
        step = event.step_key or ""
        details = _reason(event.step_failure_data.error)
        found.append(Failure(f"step {step}", details[:DETAILS], owners.get(step, "")))
    return found


def news(failures: Sequence[Failure], before: Sequence[Failure]) -> bool:
    """Whether anything fails that did not fail in the run before."""
    return not {one.subject for one in failures} <= {one.subject for one in before}


def run_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun | None:
    """The newest finished run of the same job before this one."""
    done = dg.RunsFilter(
        job_name=run.job_name, statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    )
    runs = list(instance.get_runs(filters=done, limit=20))
    ids = [one.run_id for one in runs]
    later = ids.index(run.run_id) + 1 if run.run_id in ids else 0
    return runs[later] if later < len(runs) else None


def failure_alert(failures: Sequence[Failure], extra: Sequence[Item], link: str) -> Alert:
    """The alert for a run; `extra` are the stale sources."""
    what = f"{len(failures)} failed" if failures else "the run failed"
    return Alert(f"Run failed: {what}", [*(one.item() for one in failures), *extra], ADVICE, link)


def _events(
    instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType
) -> list[dg.DagsterEvent]:
    records = instance.get_records_for_run(run_id, of_type=kind).records
    return [event for record in records if (event := record.event_log_entry.dagster_event)]


def _reason(error: Any) -> str:
    """What the innermost error says; Dagster wraps it in one of its own."""
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else ""
