"""Every incident that changed since the last sync, in its current state, and its log entries.

There is no "updated since" for incidents. The account's log entries name every incident that
changed, and include it on request, so N changes need only as many requests as their entries have
pages.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.vendors import base
from orchestration.vendors.pagerduty.pages import (
    CHANNELS,
    Record,
    Window,
    in_pieces,
    incidents,
    listing,
    pages,
)

# How a log entry refers to its incident unless the incident is included.
REFERENCE = ("id", "summary", "self", "html_url")
OPTIONS = (("is_overview", "false"), CHANNELS, ("include[]", "incidents"))
TIMELINE = (("is_overview", "true"), CHANNELS)


class Changes:
    """Reads log entries from shortly before the end of the last sync.

    Cursors: `changes`, up to where entries were read; `recent`, the entries of the overlap that
    have landed, with their times; `older`, incidents from before `since`, known only from their
    changes, whose earlier entries have landed.
    """

    def __init__(self, sync: base.HttpExtractor, since: datetime) -> None:
        self._sync, self._since = sync, since
        self._recent: dict[str, str] = dict(sync.landing.cursors.get("recent", {}))
        self._older: set[str] = set(sync.landing.cursors.get("older", ()))
        # Of the current piece: entries by id, and their incidents.
        self._fresh: dict[str, str] = {}
        self._seen: dict[str, Record] = {}

    def read(self, end: datetime, overlap: timedelta) -> None:
        """Land everything up to `end`, and commit piece by piece."""
        landing = self._sync.landing
        done = base.moment(landing.cursors["changes"])
        if end <= done:
            return
        # Entries from before `began` belong to the backfill.
        window = Window(max(done - overlap, base.moment(landing.cursors["began"])), end)
        landed = 0
        for piece in in_pieces(landing, window, self._read):
            done = max(done, piece.until)
            entries = self._recent | self._fresh
            self._recent = {
                one: at for one, at in entries.items() if base.moment(at) >= done - overlap
            }
            self._older |= self._from_before()
            landed += len(self._seen)
            for stream in ("incidents", "log_entries"):
                landing.observe(stream, since=piece.since, until=piece.until)
            recent, older = dict(sorted(self._recent.items())), sorted(self._older)
            landing.commit(changes=base.iso(done), recent=recent, older=older)
            self._sync.progress(f"changes up to {base.iso(done)}: {landed:,} incidents")

    def _read(self, piece: Window) -> None:
        http, landing = self._sync.http, self._sync.landing
        self._fresh, self._seen = {}, {}
        referred: set[str] = set()
        for page in pages(http, "/log_entries", piece, OPTIONS):
            for entry in page:
                if entry["id"] in self._recent:
                    continue
                self._fresh[entry["id"]] = entry["created_at"]
                incident: Record = entry.get("incident") or {}
                if incident.get("type") == "incident" and "status" in incident:
                    # The entry lands as if it had come without `include[]=incidents`.
                    kept = {name: incident[name] for name in REFERENCE if name in incident}
                    entry = {**entry, "incident": {**kept, "type": "incident_reference"}}
                    self._land(incident)
                elif "id" in incident:
                    referred.add(incident["id"])
                landing.append("log_entries", [entry])
        self._fetch(referred)
        # The target of a merge may not have an entry for the change.
        reasons = [one["resolve_reason"] or {} for one in self._seen.values()]
        self._fetch({one["incident"]["id"] for one in reasons if one.get("incident")})
        for one in sorted(self._from_before() - self._older):
            entries = listing(http, f"/incidents/{one}/log_entries", TIMELINE)
            landing.append(
                "log_entries", (e for e in entries if base.moment(e["created_at"]) < self._since)
            )

    def _fetch(self, ids: set[str]) -> None:
        for incident in incidents(self._sync.http, sorted(ids - self._seen.keys())):
            self._land(incident)

    def _land(self, incident: Record) -> None:
        """The incident, unless this version was seen in this piece."""
        names = ("updated_at", "created_at", "resolve_reason")
        version = {name: incident.get(name) for name in names}
        known = self._seen.get(incident["id"])
        self._seen[incident["id"]] = version
        if not known or known["updated_at"] != version["updated_at"]:
            self._sync.landing.append("incidents", [incident])

    def _from_before(self) -> set[str]:
        return {
            one
            for one, version in self._seen.items()
            if version["created_at"] and base.moment(version["created_at"]) < self._since
        }
