"""What is wrong now, and which channel was sent what: a problem is sent once, and its end too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from orchestration.alerts.message import Alert, Item
from orchestration.freshness import Freshness

DETAILS = 600
NAMED = 3
ADVICE = (
    "What to do: `paydown doctor` says what needs a person; for a source see "
    "docs/runbooks/stale-source.md."
)
EVENTS = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SUCCESS,
}


@dataclass
class State:
    """What the sensor remembers between ticks.

    seen_until: runs that ended later are news (epoch seconds). failed: subject -> text and owner
    of what failed the last time it ran. sent: channel -> subjects. first_seen: source -> ISO time.
    """

    seen_until: float
    failed: dict[str, list[str]] = field(default_factory=dict)
    sent: dict[str, list[str]] = field(default_factory=dict)
    first_seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None, now: float) -> State:
        """What a cursor says; a fresh start where it says nothing that can be read."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError, AttributeError):
            return cls(now)

    def write(self) -> str:
        return json.dumps(asdict(self))


def observe_run(
    state: State, run: dg.DagsterRun, events: list[dg.DagsterEvent], owners: Mapping[str, str]
) -> None:
    """Note in the state what failed in a run that ended, and what passed again.

    Syncs are left out: a source is reported when it is stale, not each hour that it does not
    answer.
    """
    failed_steps = 0
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            asset = check.asset_key.to_user_string()
            subject = f"check {check.check_name} of {asset}"
            if check.passed:
                state.failed.pop(subject, None)
            elif check.severity == dg.AssetCheckSeverity.ERROR and not asset.endswith("/sync"):
                details = "\n".join(str(value.value) for value in check.metadata.values())
                state.failed[subject] = [details[:DETAILS], owners.get(asset, "")]
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            failed_steps += 1
            details = _reason(event.step_failure_data.error)[:DETAILS]
            step = event.step_key or ""
            state.failed[f"step {step}"] = [details, owners.get(step, "")]
        else:
            state.failed.pop(f"step {event.step_key}", None)
    subject = f"run of {run.job_name}"
    if run.status == dg.DagsterRunStatus.SUCCESS:
        state.failed.pop(subject, None)
    elif not failed_steps:
        state.failed[subject] = ["It ended before a step failed; see its log.", ""]


def current_problems(
    state: State, sources: Mapping[str, Freshness], now: datetime
) -> dict[str, Item]:
    """Everything that is wrong now, by subject; notes in the state which sources were seen."""
    state.first_seen = {name: state.first_seen.get(name, now.isoformat()) for name in sources}
    found = {subject: Item(subject, *rest) for subject, rest in state.failed.items()}
    for name, source in sources.items():
        if source.is_stale(now, datetime.fromisoformat(state.first_seen[name])):
            subject = f"stale source {name}"
            found[subject] = Item(subject, str(source), source.owner)
    return found


def news(
    state: State, problems: Mapping[str, Item], channel: str, sources: Mapping[str, Freshness]
) -> Iterator[tuple[Alert, set[str]]]:
    """The alerts that a channel was not sent yet, each with its subjects; `remember` what arrived.

    A source that was switched off is neither stale nor solved.
    """
    known = [s for s in state.sent.get(channel, []) if s in problems or _is_watched(s, sources)]
    state.sent[channel] = known
    if new := [subject for subject in problems if subject not in known]:
        items = [problems[subject] for subject in new]
        yield Alert(f"Problem: {_named(new)}", items, ADVICE), set(new)
    if over := [subject for subject in known if subject not in problems]:
        yield Alert(f"Solved: {_named(over)}", [Item(subject) for subject in over]), set(over)


def remember(state: State, channel: str, subjects: set[str]) -> None:
    """The channel accepted an alert: new problems become known, solved ones are forgotten."""
    state.sent[channel] = sorted(subjects ^ set(state.sent[channel]))


def _is_watched(subject: str, sources: Mapping[str, Freshness]) -> bool:
    name = subject.removeprefix("stale source ")
    return name == subject or name in sources


def _named(subjects: list[str]) -> str:
    more = len(subjects) - NAMED
    return ", ".join(subjects[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _reason(error: Any) -> str:
    """What the innermost error says; Dagster wraps it in one of its own."""
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else ""
