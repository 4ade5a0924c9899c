"""Every incident that changed since the last sync, in its present state, and its log entries.

There is no "updated since" for incidents. The account's log entries name every incident that
changed, and carry all of it when asked to, so that N changes need no more requests than their
entries have pages.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.vendors.base import Sync, iso, moment
from orchestration.vendors.pagerduty.pages import (
    CHANNELS,
    EVERYTHING,
    Record,
    Window,
    in_pieces,
    incidents,
    pages,
    timeline,
)

# As a log entry refers to its incident where the incident isn't asked for too.
REFERENCE = ("id", "summary", "self", "html_url")
OPTIONS = (EVERYTHING, CHANNELS, ("include[]", "incidents"))


class Changes:
    """Reads log entries up to `end`, from a little before where the last sync came.

    Cursors: `changes`, up to where entries were read; `recent`, the entries of the overlap that
    have landed, with their moments; `older`, incidents from before `since` whose earlier entries
    have landed.

    Args:
        began: entries from before are the back-fill's.
        since: incidents created before it are known by their changes only.
    """

    def __init__(self, sync: Sync, *, began: datetime, since: datetime, overlap: timedelta) -> None:
        self._http, self._landing = sync.http, sync.landing
        self._progress = sync.progress
        self._began, self._since, self._overlap = began, since, overlap
        self._recent: dict[str, datetime] = {
            one: moment(at) for one, at in sync.landing.cursors.get("recent", {}).items()
        }
        self._older: set[str] = set(sync.landing.cursors.get("older", ()))
        # Of the piece that is being read.
        self._fresh: dict[str, datetime] = {}
        self._versions: dict[str, Record] = {}

    def read(self, end: datetime) -> None:
        """Land all up to `end`, and commit piece by piece."""
        done = moment(self._landing.cursors["changes"])
        if end <= done:
            return
        window = Window(max(done - self._overlap, self._began), end)
        landed = 0
        for piece in in_pieces(self._landing, window, self._read):
            done = max(done, piece.until)
            self._recent |= self._fresh
            self._recent = {
                one: at for one, at in self._recent.items() if at >= done - self._overlap
            }
            self._older |= self._now_complete()
            landed += len(self._versions)
            self._landing.observe("incidents", since=piece.since, until=piece.until)
            self._landing.observe("log_entries", since=piece.since, until=piece.until)
            self._landing.commit(
                changes=iso(done),
                recent={one: iso(at) for one, at in sorted(self._recent.items())},
                older=sorted(self._older),
            )
            self._progress(f"changes up to {iso(done)}: {landed:,} incidents")

    def _read(self, piece: Window) -> None:
        self._fresh, self._versions = {}, {}
        referred: set[str] = set()
        for page in pages(self._http, "/log_entries", "log_entries", piece, OPTIONS):
            entries, changed = [], []
            for entry in page:
                if entry["id"] in self._recent:
                    continue
                self._fresh[entry["id"]] = moment(entry["created_at"])
                kept, incident = _split_entry(entry)
                entries.append(kept)
                if _is_complete(incident):
                    changed += self._newer(incident)
                elif "id" in incident:
                    referred.add(incident["id"])
            self._landing.append("log_entries", entries)
            self._landing.append("incidents", changed)
        self._fetch(referred)
        # What an incident was merged into may not say that it changed.
        self._fetch({one for v in self._versions.values() if (one := _merged_into(v))})
        for one in sorted(self._now_complete() - self._older):
            entries = timeline(self._http, one)
            self._landing.append(
                "log_entries", (e for e in entries if moment(e["created_at"]) < self._since)
            )

    def _fetch(self, ids: set[str]) -> None:
        for incident in incidents(self._http, sorted(ids - self._versions.keys())):
            self._landing.append("incidents", self._newer(incident))

    def _newer(self, incident: Record) -> list[Record]:
        """The incident, unless this version of it was seen in this piece."""
        version = {name: incident.get(name) for name in ("updated_at", "created_at")}
        version["resolve_reason"] = incident.get("resolve_reason")
        known = self._versions.get(incident["id"])
        self._versions[incident["id"]] = version
        return [] if known and known["updated_at"] == version["updated_at"] else [incident]

    def _now_complete(self) -> set[str]:
        return {
            one
            for one, version in self._versions.items()
            if version["created_at"] and moment(version["created_at"]) < self._since
        }


def _split_entry(entry: Record) -> tuple[Record, Record]:
    """The log entry as it is without `include[]=incidents`, and its incident as it came."""
    incident: Record = entry.get("incident") or {}
    if not _is_complete(incident):
        return entry, incident
    kept = {name: incident[name] for name in REFERENCE if name in incident}
    return {**entry, "incident": {**kept, "type": "incident_reference"}}, incident


def _is_complete(incident: Record) -> bool:
    """An incident, not only a reference to one."""
    return incident.get("type") == "incident" and "status" in incident


def _merged_into(incident: Record) -> str | None:
    """Id of the incident that this one was merged into."""
    return ((incident.get("resolve_reason") or {}).get("incident") or {}).get("id")
