"""What reading epics back from a tracker has in common, whichever tracker it is.

Ours is what carries the board's label, and what lies below an item that carries an epic's key:
stories that people added have no label. A search lags behind writes and knows nothing of what was
deleted, so each sync asks again for the last minutes, and a sweep now and then reads everything,
then asks by id for what it knew and didn't see: moved away, hidden from us, or gone.
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
# As `paydown-checkout-1a2b3c4d-c2`; a story's label goes on with its class of fix.
EPIC_KEY = re.compile(r"paydown-.+-[0-9a-f]{8}-c[0-9]{1,4}")


class FieldNames(Strict):
    """The tracker's fields, by what they hold for paydown."""

    def named(self) -> dict[str, str]:
        """Those that are set."""
        return {what: name for what, name in self.model_dump().items() if name}

    def must_exist(self, source: str, found: Mapping[str, Any]) -> None:
        """SourceError where somebody named a field that is not `found` (ids by what they hold)."""
        asked = {what: name for what, name in self.named().items() if what in self.model_fields_set}
        if unknown := [f"{what}: {name}" for what, name in asked.items() if not found.get(what)]:
            what = f"sources.yaml names fields that don't exist ({', '.join(unknown)})"
            fix = f"correct `{source}.fields`, or let the token's user see them"
            raise SourceError(f"{source}: {what}; {fix}")


class EpicSourceConfig(SourceConfig):
    """Settings of reading epics back.

    Attributes:
        overlap_minutes: how much later than its time a change may become visible to a search.
        sweep_hours: how often everything is looked at, which finds what was deleted or moved.
    """

    overlap_minutes: Annotated[Number, Field(ge=1, le=1440)] = 10
    sweep_hours: Hours = 24


class EpicSource(ABC, Generic[Client]):
    """A sync of epics and what is below them; a tracker's own side of it is in its subclass.

    Cursors: `until`, the tracker's clock when changes were asked for last; `known`, of each item
    that has landed its name and version; `epics`, the ids of those that carried an epic's key;
    `swept`, when all were looked at. Items are as the tracker gives them.
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
        """Ask what the items' meaning hangs on; returns the tracker's clock."""

    @abstractmethod
    def search(self, parents: Sequence[str], since: datetime | None) -> Iterator[Sequence[Item]]:
        """Pages of items below `parents` (at most `chunk`), or for no parents, of those with the
        board's label; only what changed since, or all."""

    @abstractmethod
    def fetch(self, ids: Sequence[str]) -> Iterator[Item]:
        """Those of these items that exist, by id, which doesn't lag."""

    @abstractmethod
    def hidden(self, missing: Mapping[str, str]) -> Collection[str]:
        """Of items that `fetch` didn't find (names by id), those that may exist all the same."""

    @abstractmethod
    def describe(self, item: Item) -> tuple[str, str, Collection[str]]:
        """Its name, which `hidden` needs, a version that differs after every change, its labels."""

    def sync(self, landing: Landing) -> None:
        """Land what changed, and once in a while look at everything."""
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
        """Land what is in scope and changed since; returns the ids that were seen."""
        known, seen = frozenset(self._epics), set[str]()
        for page in self.search((), since):
            seen |= self._land(landing, page)
        # Of an epic that wasn't known, all that is below it is news, whenever it changed.
        for epics, start in ((self._epics & known, since), (self._epics - known, None)):
            for chunk in chunks(sorted(epics), self.chunk):
                for page in self.search(chunk, start):
                    seen |= self._land(landing, page)
        return seen

    def _land(self, landing: Landing, items: Sequence[Item]) -> set[str]:
        """Land those that are not known in this version; commit, so that no sync repeats them."""
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
        """Say which items are still there, whether or not they are still in scope."""
        found: set[str] = set()
        for chunk in chunks(sorted(missed), self.chunk):
            found |= self._land(landing, [*self.fetch(chunk)])
        missing = {one: self._known[one][0] for one in missed - found}
        hidden = set(self.hidden(missing)) if missing else set()
        if hidden:
            self._progress(
                f"{landing.source}: {len(hidden):,} items are hidden from us; "
                "what was known of them stands"
            )
        for one in missing.keys() - hidden:
            del self._known[one]
            self._epics.discard(one)
        items = [{"id": one, "is_hidden": one in hidden} for one in sorted(self._known)]
        landing.replace("sweeps", "all", [{"swept_at": iso(now), "items": items}])

    def _commit(self, landing: Landing, **cursors: Any) -> None:
        landing.commit(known=self._known, epics=sorted(self._epics), **cursors)
