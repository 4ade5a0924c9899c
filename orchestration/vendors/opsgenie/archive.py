"""Everything that can be read of an account, saved as Opsgenie says it, before it is shut down.

Records go from new to old in chunks: their files, then one line in the manifest with the place to
go on from. What the key or the plan may not read is noted as refused, and the rest goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestration.http import SourceError, UnavailableError
from orchestration.vendors.base import iso
from orchestration.vendors.opsgenie.api import (
    ALERTS,
    INCIDENTS,
    Api,
    Json,
    Place,
    milliseconds,
)
from orchestration.vendors.opsgenie.archive_plan import COLLECTIONS, PARTS, Collection, Part
from orchestration.vendors.opsgenie.archive_store import Store, open_store

CHUNK = 500
# Keys of integrations and passwords of what they call are no part of an incident's history.
SECRET = re.compile(r"api_?key|password|secret|token|credential", re.IGNORECASE)
REMOVED = "(removed)"


@dataclass(frozen=True)
class Archived:
    """What is in the folder now: records by stream, and what was refused, with the reason."""

    counts: dict[str, int]
    refused: dict[str, str]
    requests: int


def archive(
    api: Api,
    folder: Path,
    *,
    skip: tuple[str, ...] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Archived:
    """Save the account to the folder; goes on where an earlier call stopped.

    An archive that is finished is left as it is.

    Args:
        skip: streams of `PARTS` that are not asked for, to save a request a record each.

    Raises:
        SourceError: it can't go on now; the next call does.
    """
    with open_store(folder) as store:
        job = _Job(api, store, skip, progress)
        if store.last("finished_at") is None:
            job.run()
        return Archived(store.counts(), job.refused, api.http.requests)


class _Job:
    def __init__(
        self, api: Api, store: Store, skip: tuple[str, ...], progress: Callable[[str], None]
    ) -> None:
        self._api, self._store, self._skip, self._progress = api, store, skip, progress
        self.refused: dict[str, str] = {
            fact["refused"]: fact["message"] for fact in store.facts if "refused" in fact
        }

    def run(self) -> None:
        until = self._store.last("until")
        if until is None:
            held, clock = self._api.count(0)
            until = milliseconds(clock)
            self._store.note(
                {"began_at": iso(clock), "until": until, "url": self._api.http.url, "alerts": held}
            )
        for collection in COLLECTIONS:
            if self._store.last("collected", collected=collection.stream) is None:
                self._settings(collection)
        for kind in (ALERTS, INCIDENTS):
            if self._store.last("complete", stream=kind) is None:
                self._records(kind, until)
        held, clock = self._api.count(0, until)
        self._store.note({"stream": ALERTS, "held": held}, {"finished_at": iso(clock)})

    def _settings(self, collection: Collection) -> None:
        self._progress(f"archive {collection.stream}")
        found: dict[str, list[Any]] = {}
        self._collect(collection, (), found)
        files = {f"account/{stream}": rows for stream, rows in found.items()}
        self._store.save(files, collected=collection.stream)

    def _collect(
        self, collection: Collection, above: tuple[str, ...], found: dict[str, list[Any]]
    ) -> None:
        path = collection.path.format(*map(quote, above))
        params = {
            name: value.format(*above) if isinstance(value, str) else value
            for name, value in collection.params.items()
        }
        for record in self._listed(collection.stream, path, params):
            record = without_secrets(record)
            row = {"parent": above[-1], "data": record} if above else record
            found.setdefault(collection.stream, []).append(row)
            if isinstance(record, dict) and record.get(collection.key):
                for below in collection.below:
                    self._collect(below, (*above, str(record[collection.key])), found)

    def _records(self, kind: str, until: int) -> None:
        saved = self._store.last("place", stream=kind)
        place = Place.of(saved) if saved else Place(until)
        number = self._store.last("chunk", stream=kind) or 0
        buffer: list[Json] = []
        for page in self._api.newest_first(kind, 0, place):
            buffer += page.records
            place = page.place
            if len(buffer) >= CHUNK:
                number += 1
                self._chunk(kind, number, buffer, place=place.cursor())
                buffer = []
        self._chunk(kind, number + 1, buffer, complete=True)

    def _chunk(self, kind: str, number: int, records: list[Json], **fact: Any) -> None:
        day = records[0]["createdAt"][:10] if records else "none"
        name = f"{number:06d}-{day}"
        self._progress(f"archive {kind} back to {day}")
        whole = map(self._alert, records) if kind == ALERTS else records
        files: dict[str, Any] = {f"{kind}/{name}": whole}
        for part in PARTS[kind]:
            if part.stream not in self._skip:
                files[f"{part.stream}/{name}"] = self._parts(kind, part, records)
        self._store.save(files, stream=kind, chunk=number, **fact)

    def _alert(self, listed: Json) -> Json:
        # Deleted since it was listed: what the list says is all there is.
        return self._api.alert(listed["id"]) or listed

    def _parts(self, kind: str, part: Part, records: list[Json]) -> Iterator[Json]:
        for record in records:
            path = part.path.format(quote(record["id"]))
            rows = self._listed(part.stream, path, part.params, record["id"])
            if rows:
                yield {f"{kind[:-1]}Id": record["id"], part.rows: rows}

    def _listed(
        self, stream: str, path: str, params: Mapping[str, str | int], identity: str = ""
    ) -> list[Any]:
        if stream in self.refused:
            return []
        try:
            return self._ask(stream, path, params, identity)
        except UnavailableError:
            raise
        except SourceError:
            # A key that is no longer good stops here.
            self._api.count(0)
        try:
            return self._ask(stream, path, params, identity)
        except UnavailableError:
            raise
        except SourceError as error:
            self.refused[stream] = str(error)
            self._store.note({"refused": stream, "message": str(error)})
            self._progress(f"archive: refused {stream}")
            return []

    def _ask(
        self, stream: str, path: str, params: Mapping[str, str | int], identity: str
    ) -> list[Any]:
        if stream == "incident_timelines":
            return self._api.timeline(identity) or []
        if stream == "team_logs":
            return self._team_logs(path, params)
        return list(self._api.every(path, params))

    def _team_logs(self, path: str, params: Mapping[str, str | int]) -> list[Any]:
        logs: list[Any] = []
        asked = dict(params)
        while True:
            pages = list(self._api.every(path, asked))
            if not pages or not pages[0].get("logs"):
                return logs
            logs += pages[0]["logs"]
            following = pages[0].get("offset")
            if not following or following == asked.get("offset"):
                return logs
            asked["offset"] = following


def without_secrets(value: Any) -> Any:
    """The value with what is kept under names such as `apiKey` or `password` taken out."""
    if isinstance(value, dict):
        return {
            name: REMOVED if SECRET.search(name) and isinstance(below, str) and below
            else without_secrets(below)
            for name, below in value.items()
        }  # fmt: skip
    return [without_secrets(one) for one in value] if isinstance(value, list) else value
