"""One kind of record, alerts or incidents: its past from new to old, and all changes since.

The cursor has only ids and times. What is still to be read (`todo`) is committed together with the
place in the lists, so a killed sync loses nothing and requests nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from orchestration.http import paging
from orchestration.vendors import base
from orchestration.vendors.opsgenie.api import (
    ALERTS,
    Api,
    Json,
    Place,
    TooManyError,
    created,
    instant,
    milliseconds,
    stamp,
)

BATCH = 200
DAY_MS = 86_400_000


@dataclass
class State:
    """The cursor of one kind; times in milliseconds.

    Attributes:
        changed: every change up to here was listed, except those that the search shows late.
        place: where the walk into the past continues; None when it is done.
        newest: the last change of any record seen; the search must find it.
        recent: versions seen that a later list has again, by id.
        todo: records whose details or timeline are still to be read.
    """

    changed: int
    place: Json | None
    newest: int | None = None
    recent: dict[str, str] = field(default_factory=dict)
    todo: list[str] = field(default_factory=list)


class Feed:
    """Lands one kind of record, created since `since`; `now` is the server's clock, and `late_ms`
    how late its search may show a change."""

    def __init__(
        self,
        sync: base.HttpExtractor,
        kind: str,
        since: int,
        now: int,
        late_ms: int,
        alert_logs: str,
    ) -> None:
        self._api, self._landing, self._kind = Api(sync.http), sync.landing, kind
        self._since, self._now, self._late = since, now, late_ms
        self._alert_logs, self._progress = alert_logs, sync.progress
        saved = sync.landing.cursors.get(kind)
        self.is_new = saved is None
        self.state = State(**saved) if saved else State(now, Place(now + DAY_MS)._asdict())
        self._owed = set(self.state.todo)

    def run(self) -> None:
        """Land what is still to be read, then what changed, then more of the past."""
        self._drain()
        if not self.is_new:
            self._changes()
            self._drain()
        self._past()

    def reach_back(self, until: int) -> None:
        """Walk into the past again, from `until`, because `since` was moved back."""
        self.state.place = self.state.place or Place(until)._asdict()

    def _changes(self) -> None:
        """List what changed, and record it as still to be read."""
        state = self.state
        floor, latest = state.changed - self._late, state.changed

        def take(lists: Iterable[list[Json]]) -> bool:
            nonlocal latest
            is_found = False
            for records in lists:
                is_found = is_found or bool(records)
                for record in records:
                    updated = milliseconds(stamp(record))
                    if self._is_new(record) and updated >= floor:
                        latest = max(latest, updated)
                        self._take(record)
                self._progress(f"{self._kind} changed: {len(state.todo):,}")
            return is_found

        if self._kind == ALERTS:
            try:
                paging.steady(
                    "opsgenie: changed alerts",
                    lambda: take(self._api.latest_changes(self._since, floor)),
                )
            except TooManyError:
                take(self._walk())
        else:
            # `updatedAt` in the search of incidents is undocumented. If it works, it finds the last
            # seen change again; if it finds nothing, all incidents are read.
            known = state.newest
            if known is None or not take(self._walk(f" AND updatedAt >= {min(floor, known)}")):
                state.newest = None
                take(self._walk())
        # A clock that runs ahead must not hide later changes.
        state.changed = max(state.changed, min(latest, self._now))
        floor = state.changed - self._late
        state.recent = {one: at for one, at in state.recent.items() if milliseconds(at) >= floor}
        self._commit()

    def _walk(self, condition: str = "") -> Iterator[list[Json]]:
        place = Place(self._now + DAY_MS)
        for page in self._api.newest_first(self._kind, self._since, place, condition):
            yield page.records

    def _past(self) -> None:
        state = self.state
        if state.place is None:
            return
        begin = Place(state.place["at"], tuple(state.place["seen"]), state.place.get("offset", 0))
        for page in self._api.newest_first(self._kind, self._since, begin):
            for record in page.records:
                if self._is_new(record):
                    self._take(record)
            state.place = page.following._asdict() if page.following else None
            self._commit()
            self._drain()
            if page.following:
                self._progress(f"{self._kind} back to {instant(page.following.at):%Y-%m-%d}")

    def _is_new(self, record: Json) -> bool:
        """False for a version that was seen; records it if a later list will have it again."""
        state, version = self.state, stamp(record)
        at = milliseconds(version)
        state.newest = max(state.newest or 0, at)
        if state.recent.get(record["id"]) == version:
            return False
        if at >= state.changed - self._late:
            state.recent[record["id"]] = version
        return created(record) >= self._since

    def _take(self, record: Json) -> None:
        # The list has complete incidents, but alerts without details.
        if self._kind != ALERTS:
            self._landing.append(self._kind, [record])
        if record["id"] not in self._owed:
            self.state.todo.append(record["id"])
            self._owed.add(record["id"])

    def _drain(self) -> None:
        todo = self.state.todo
        while todo:
            for identity in todo[:BATCH]:
                if self._kind == ALERTS:
                    self._land_alert(identity)
                elif (entries := self._api.timeline(identity)) is not None:
                    record = {"incidentId": identity, "entries": entries}
                    self._landing.append("incident_timelines", [record])
                self._owed.discard(identity)
            del todo[:BATCH]
            self._progress(f"{self._kind}: {len(todo):,} to go")
            self._commit()

    def _land_alert(self, identity: str) -> None:
        alert = self._api.alert(identity)
        if alert is None:
            return
        self._is_new(alert)
        self._landing.append(ALERTS, [alert])
        of_incident = bool((alert.get("details") or {}).get("incident-id"))
        if self._alert_logs == "all" or (self._alert_logs == "incident" and of_incident):
            params = {"identifierType": "id", "limit": 100, "order": "asc", "direction": "next"}
            logs = list(self._api.every(f"/v2/alerts/{identity}/logs", params))
            self._landing.append("alert_logs", [{"alertId": identity, "logs": logs}])

    def _commit(self) -> None:
        self._landing.commit(**{self._kind: asdict(self.state)})
