"""A ledger and a directory of local epics, published to day by day, as several tests need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestration.epics.candidates import epic_key
from orchestration.epics.report import EpicsReport
from orchestration.epics.run import Run
from orchestration.ledger import EpicRecord, Ledger
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter
from orchestration.trackers.protocol import Tracker

from .decisions import publish
from .decisions import row as full_row
from .fake_tracker import NOW

GATEWAY = "component:default/gateway"
KEY = epic_key(GATEWAY, 1)
OVER: dict[str, Any] = {"decision": "close", "score": 4, "band": "close_as_hygiene"}


def row(service_id: str = GATEWAY, **columns: Any) -> dict[str, Any]:
    """A row without stories or a limit, so that tests speak of epics only."""
    return full_row(service_id, **({"fix_classes": "", "wip_limit": None} | columns))


def services(entries: Sequence[Any]) -> list[str]:
    return [entry.service for entry in entries]


class World:
    """Each `publish` is a day later, or on `day` after the first."""

    def __init__(self, home: Path) -> None:
        self.home, self.day = home, 0
        self.epics = home / "epics"

    @property
    def ledger(self) -> Ledger:
        return Ledger(f"sqlite:///{self.home / 'ledger.db'}")

    def publish(
        self,
        *rows: dict[str, Any],
        day: int | None = None,
        tracker: Tracker | None = None,
        **options: Any,
    ) -> EpicsReport:
        self.day = self.day + 1 if day is None else day
        now, run_id = NOW + timedelta(days=self.day), f"run-{self.day}"
        run = Run(self.ledger, tracker or LocalTracker(self.epics), run_id, now)
        return publish(rows, run, **options)

    @property
    def files(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in sorted(self.epics.glob("*.md"))}

    def edit(self, key: str, old: str, new: str) -> None:
        assert old in self.files[key]
        (self.epics / f"{key}.md").write_text(self.files[key].replace(old, new))

    def close(self, key: str, on: str = "null") -> None:
        self.edit(key, "status: open", "status: done")
        self.edit(key, "closed_at: null", f"closed_at: {on}")

    def field(self, key: str, name: str) -> Any:
        return read_front_matter(self.files[key])[name]

    def record(self, key: str) -> EpicRecord:
        return {r.key: r for r in self.ledger.records("local")}[key]

    def kinds(self, key: str) -> list[str]:
        return [event.kind for event in self.ledger.events("local", key)]

    def snapshot(self) -> dict[str, bytes]:
        paths = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in paths}
