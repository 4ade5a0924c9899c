"""The common part of reading epics back from any tracker.

Ours are items with the board's label, and items below one with an epic's key: stories that people
added have no label. A search lags behind writes and doesn't show deletions, so each sync asks again
for the last minutes, and a periodic sweep reads everything, then asks by id for known items that it
didn't see: moved away, hidden from us, or gone.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from orchestration.documents.strict import Number, Strict
from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors.base import Context, Hours, SourceConfig, is_over, iso, moment
from orchestration.vendors.tracker_client import TrackerClient, chunks

Item = Mapping[str, Any]
Client = TypeVar("Client", bound=TrackerClient)
# As `paydown-checkout-1a2b3c4d-c2`; a story's label continues with its fix class.
EPIC_KEY = re.compile(r"paydown-.+-[0-9a-f]{8}-c[0-9]{1,4}")


class FieldNames(Strict):
    """The tracker's fields, by their meaning for paydown."""

    def named(self) -> dict[str, str]:
        """Those that are set."""
        return {what: name for what, name in self.model_dump().items() if name}

    def must_exist(self, source: str, found: Mapping[str, Any]) -> None:
        """SourceError if a configured field is not in `found` (ids by meaning)."""
        asked = {what: name for what, name in self.named().items() if what in self.model_fields_set}
        if unknown := [f"{what}: {name}" for what, name in asked.items() if not found.get(what)]:
            what = f"sources.yaml names fields that don't exist ({', '.join(unknown)})"
            fix = f"correct `{source}.fields`, or let the token's user see them"
            raise SourceError(f"{source}: {what}; {fix}")


class EpicSourceConfig(SourceConfig):
    """Settings of reading epics back.

    Attributes:
        overlap_minutes: how long after its time a change may become visible to a search.
        sweep_hours: how often everything is read, which finds what was deleted or moved.
    """

    overlap_minutes: Annotated[Number, Field(ge=1, le=1440)] = 10
    sweep_hours: Hours = 24


class EpicSource(ABC, Generic[Client]):
    """A sync of epics and what is below them; the tracker's own part is in a subclass.

    Cursors: `until`, the tracker's clock when changes were last requested; `known`, name and
    version of each landed item; `epics`, the ids of those with an epic's key; `swept`, when all
    were read. Items are as the tracker returns them.
    """

    stream: str
    chunk: int

    def __init__(self, config: EpicSourceConfig, client: Client, context: Context) -> None:
        self.client = client
        self._overlap = timedelta(minutes=float(config.overlap_minutes))
        self._sweep_hours = config.sweep_hours
        self._progress = context.progress
        self._known: dict[str, list[str]] = {}
        self._epics: set[str] = set()

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self.client.requests

    @abstractmethod
    def check(self) -> str:
        """See `Extractor.check`."""

    @abstractmethod
    def begin(self, landing: Landing, *, is_sweep: bool) -> datetime:
        """Ask for what items' meaning depends on; returns the tracker's clock."""

    @abstractmethod
    def search(self, parents: Sequence[str], since: datetime | None) -> Iterator[Sequence[Item]]:
        """Pages of items below `parents` (at most `chunk`), or without parents, of those with the
        board's label; only those changed since, or all."""

    @abstractmethod
    def fetch(self, ids: Sequence[str]) -> Iterator[Item]:
        """Those of these items that exist, by id, which doesn't lag."""

    @abstractmethod
    def hidden(self, missing: Mapping[str, str]) -> Collection[str]:
        """Those of the items that `fetch` didn't find (names by id) that may still exist."""

    @abstractmethod
    def describe(self, item: Item) -> tuple[str, str, Collection[str]]:
        """Its name, which `hidden` needs, a version that changes with every change, its labels."""

    def sync(self, landing: Landing) -> None:
        """Land what changed, and periodically read everything."""
        self._known = dict(landing.cursors.get("known", {}))
        self._epics = set(landing.cursors.get("epics", ()))
        swept, until = landing.cursors.get("swept"), landing.cursors.get("until")
        is_sweep = not until or is_over(swept, self._sweep_hours, landing.started_at)
        now = self.begin(landing, is_sweep=is_sweep)
        since = None if is_sweep else moment(until) - self._overlap
        before = set(self._known)
        seen = self._read(landing, since)
        landing.observe(self.stream, since=since, until=now)
        if is_sweep:
            self._sweep(landing, before - seen, now)
        self._commit(landing, until=iso(now), **({"swept": iso(now)} if is_sweep else {}))

    def _read(self, landing: Landing, since: datetime | None) -> set[str]:
        """Land what is in scope and has changed since; returns the ids seen."""
        known, seen = frozenset(self._epics), set[str]()
        for page in self.search((), since):
            seen |= self._land(landing, page)
        # Everything below a new epic is new, whenever it changed.
        for epics, start in ((self._epics & known, since), (self._epics - known, None)):
            for chunk in chunks(sorted(epics), self.chunk):
                for page in self.search(chunk, start):
                    seen |= self._land(landing, page)
        return seen

    def _land(self, landing: Landing, items: Sequence[Item]) -> set[str]:
        """Land those not known in this version; commit, so that no sync repeats them."""
        fresh = []
        for item in items:
            name, version, labels = self.describe(item)
            one, state = str(item["id"]), [name, version]
            if any(map(EPIC_KEY.fullmatch, labels)):
                self._epics.add(one)
            if self._known.get(one) != state:
                self._known[one] = state
                fresh.append(item)
        if fresh:
            landing.append(self.stream, fresh)
            self._commit(landing)
            self._progress(f"{landing.source}: {len(fresh):,} items")
        return {str(item["id"]) for item in items}

    def _sweep(self, landing: Landing, missed: set[str], now: datetime) -> None:
        """Report which items still exist, whether or not they are still in scope."""
        found: set[str] = set()
        for chunk in chunks(sorted(missed), self.chunk):
            found |= self._land(landing, [*self.fetch(chunk)])
        missing = {one: self._known[one][0] for one in missed - found}
        hidden = set(self.hidden(missing)) if missing else set()
        if hidden:
            self._progress(
                f"{landing.source}: {len(hidden):,} items are hidden from us; "
                "their last known state is kept"
            )
        for one in missing.keys() - hidden:
            del self._known[one]
            self._epics.discard(one)
        items = [{"id": one, "is_hidden": one in hidden} for one in sorted(self._known)]
        landing.replace("sweeps", "all", [{"swept_at": iso(now), "items": items}])

    def _commit(self, landing: Landing, **cursors: Any) -> None:
        landing.commit(known=self._known, epics=sorted(self._epics), **cursors)
