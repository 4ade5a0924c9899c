"""What is wrong now, and which channel was sent what: a problem is sent once, and its end too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

import dagster as dg

from orchestration.alerts.message import Alert
from orchestration.freshness import Freshness

DETAILS = 600
NAMED = 3
STALE = "stale source "
ADVICE = (
    "`paydown doctor` says what needs a person; docs/operations.md has a runbook for each alert."
)
CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION
FAILURE = dg.DagsterEventType.STEP_FAILURE
EVENTS = {CHECK, FAILURE, dg.DagsterEventType.STEP_SUCCESS}


@dataclass
class State:
    """What the sensor remembers between ticks.

    seen_until: runs that ended later are new (epoch seconds). failed: subject -> text of what
    failed the last time it ran. sent: channel -> subjects. first_seen: source -> ISO time.
    """

    seen_until: float
    failed: dict[str, str] = field(default_factory=dict)
    sent: dict[str, list[str]] = field(default_factory=dict)
    first_seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None, now: float) -> State:
        """The state in a cursor; an empty one if the cursor can't be read."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls(now)

    def write(self) -> str:
        return json.dumps(asdict(self))

    def observe(
        self, run: dg.DagsterRun, events: Iterable[dg.DagsterEvent], owners: Mapping[str, str]
    ) -> None:
        """Note what failed in a run that ended, and what passed again.

        Syncs are left out: a source is reported when it is stale, not each hour that it does not
        answer.
        """

        def note(subject: str, name: str, details: str) -> None:
            self.failed[subject] = f"owner: {owners.get(name, 'nobody')}\n{details[:DETAILS]}"

        stopped = False
        for event in events:
            if event.event_type == CHECK:
                check = event.asset_check_evaluation_data
                asset = check.asset_key.to_user_string()
                subject = f"check {check.check_name} of {asset}"
                if check.passed:
                    self.failed.pop(subject, None)
                elif check.severity == dg.AssetCheckSeverity.ERROR and not asset.endswith("/sync"):
                    details = [str(value.value) for value in check.metadata.values()]
                    note(subject, asset, "\n".join(details))
                continue
            step = event.step_key or ""
            if event.event_type == FAILURE:
                stopped = True
                error = event.step_failure_data.error
                while error and error.cause:  # Dagster wraps it in one of its own.
                    error = error.cause
                note(f"step {step}", step, error.message.strip() if error else "")
            else:
                self.failed.pop(f"step {step}", None)
        subject = f"run of {run.job_name}"
        if run.status == dg.DagsterRunStatus.SUCCESS:
            self.failed.pop(subject, None)
        elif not stopped:
            note(subject, "", "It ended before a step failed; see its log.")

    def problems(self, sources: Mapping[str, Freshness], now: datetime) -> dict[str, str]:
        """Everything that is wrong now: subject -> text."""
        self.first_seen = {name: self.first_seen.get(name, now.isoformat()) for name in sources}
        return self.failed | {
            f"{STALE}{name}": source.described(now)
            for name, source in sources.items()
            if source.is_stale(now, datetime.fromisoformat(self.first_seen[name]))
        }

    def unsent(
        self, problems: Mapping[str, str], channel: str, sources: Mapping[str, Freshness]
    ) -> Iterator[Alert]:
        """The alerts not yet sent to a channel; the next one, and what this tick leaves to the
        next, depend on what `remember` recorded.

        A source that was switched off is neither stale nor resolved.
        """
        on = {f"{STALE}{name}" for name in sources}
        self.sent[channel] = [
            subject
            for subject in self.sent.get(channel, [])
            if subject in problems or subject in on or not subject.startswith(STALE)
        ]
        known = list(self.sent[channel])
        if new := {s: text for s, text in problems.items() if s not in known}:
            yield Alert(f"Problem: {_named([*new])}", new, ADVICE)
        if over := [subject for subject in known if subject not in problems]:
            yield Alert(f"Solved: {_named(over)}", dict.fromkeys(over, ""))

    def remember(self, channel: str, alert: Alert) -> None:
        """The channel accepted an alert: new problems become known, resolved ones are forgotten."""
        self.sent[channel] = sorted(set(self.sent[channel]) ^ set(alert.items))


def _named(subjects: list[str]) -> str:
    more = len(subjects) - NAMED
    return ", ".join(subjects[:NAMED]) + (f" and {more} more" if more > 0 else "")
