"""What a sync of ServiceNow does, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orchestration.http import AccessError, Http, SourceError
from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment
from orchestration.vendors.servicenow.table import (
    Record,
    Scan,
    TableApi,
    at_least,
    before,
    raw,
    stamp,
)
from orchestration.vendors.servicenow.windows import SETTLING, Covered, Window, months

if TYPE_CHECKING:
    from orchestration.vendors.servicenow.config import ServiceNowConfig

DELETION_FIELDS = ("sys_id", "tablename", "documentkey", "display_value", "sys_created_on")
RELATION_FIELDS = ("sys_id", "parent", "child", "type", "sys_updated_on")


@dataclass(frozen=True)
class Tables:
    """What is asked of each table; empty fields ask for all."""

    incident_fields: Sequence[str]
    service_fields: Sequence[str]
    risk_fields: Sequence[str]
    is_risk_table_expected: bool


class ServiceNow:
    """One instance, ready to be asked."""

    def __init__(
        self,
        api: TableApi,
        http: Http,
        config: ServiceNowConfig,
        tables: Tables,
        progress: Callable[[str], None],
    ) -> None:
        self._api = api
        self._http = http
        self._config = config
        self._tables = tables
        self._progress = progress
        self._overlap = timedelta(minutes=config.overlap_minutes)

    @property
    def requests(self) -> int:
        return self._http.requests

    def check(self) -> str:
        probe = self._api.probe(self._config.incident_table, self._query())
        return f"{probe.total:,} records in {self._config.incident_table}"

    def sync(self, landing: Landing) -> None:
        begin = self._config.begins_at(landing.started_at)
        now = self._incidents(landing, begin)
        refused: list[AccessError] = []
        for setting, table, land in [
            ("deletions_table", self._config.deletions_table, self._deletions),
            ("service_table", self._config.service_table, self._services),
            ("relation_table", self._config.relation_table, self._dependencies),
            ("risk_table", self._config.risk_table, self._risks),
        ]:
            if not table:
                continue
            try:
                land(landing, table, now)
            except AccessError as error:
                # What may be read is read, and then the sync says what may not.
                landing.abandon()
                refused.append(AccessError(f'{error}; or set {setting} to ""'))
        self._sweep(landing, now)
        if refused:
            raise refused[0]

    def _query(self) -> list[str]:
        return [self._config.query] if self._config.query else []

    def _incidents(self, landing: Landing, begin: datetime) -> datetime:
        """Land what changed, newest version each; returns the server's clock."""
        table = self._config.incident_table
        covered = landing.cursors.get("incidents")
        since = min(begin, Covered.from_cursor(covered).since) if covered else begin
        probe = self._api.probe(table, [*self._query(), at_least("sys_updated_on", since)])
        # A sweep counts without `query`.
        hidden = 0 if self._config.query else landing.cursors.get("hidden", 0)
        landing.observe(
            "incidents",
            source_count=max(0, probe.total - hidden),
            since=since,
            until=probe.date - SETTLING,
        )
        scan = Scan(
            table, self._query(), self._tables.incident_fields, page_size=self._config.page_size
        )
        self._changes(landing, "incidents", "sys_updated_on", scan, begin, probe.date)
        return probe.date

    def _deletions(self, landing: Landing, table: str, now: datetime) -> None:
        scan = Scan(
            table,
            [f"tablename={self._config.incident_table}"],
            DELETION_FIELDS,
            page_size=self._config.page_size,
        )
        begin = Covered.from_cursor(landing.cursors["incidents"]).since
        self._changes(landing, "deletions", "sys_created_on", scan, begin, now)

    def _changes(
        self, landing: Landing, stream: str, field: str, scan: Scan, begin: datetime, now: datetime
    ) -> None:
        """Land the records of a stream whose `field` is in the windows not read yet."""
        cursor = landing.cursors.get(stream)
        covered = Covered.from_cursor(cursor) if cursor else Covered.nothing(begin)
        width = timedelta(days=self._config.window_days)
        until = (now - SETTLING).replace(microsecond=0)
        while window := covered.next_window(begin, until, width, self._overlap):
            bounds = [at_least(field, window[0]), before(field, window[1])]
            windowed = Scan(
                scan.table, [*scan.conditions, *bounds], scan.fields, page_size=scan.page_size
            )
            for page in self._api.pages(windowed, covered.after):
                self._same_clock(scan.table, field, page.records, window, now)
                landing.append(stream, page.records)
                covered = (
                    covered.done(window, now)
                    if page.is_last
                    else covered.reading(window, page.after, now)
                )
                landing.commit(**{stream: covered.cursor()})
                if page.records:
                    self._progress(
                        f"servicenow {stream} {window[0]:%Y-%m-%d}: {windowed.visible:,}"
                    )
            self._tell_hidden(windowed)

    def _same_clock(
        self, table: str, field: str, records: Sequence[Record], window: Window, now: datetime
    ) -> None:
        """A moment outside of what was asked for says that the question was understood otherwise.

        Only what changed while we asked may be later than the window.

        Raises:
            SourceError: what is read would have gaps.
        """
        first, end, asked = stamp(window[0]), stamp(window[1]), stamp(now - self._overlap)
        for value in (raw(record, field) for record in records):
            if value and (value < first or end <= value < asked):
                raise SourceError(
                    f"servicenow: {table}: asked for {field} from {first} to {end} (UTC), got "
                    f"{value}; set the time zone of {self._config.user_env} to GMT"
                )

    def _services(self, landing: Landing, table: str, now: datetime) -> None:
        query = [self._config.service_query] if self._config.service_query else []
        self._snapshot(landing, "services", table, query, self._tables.service_fields, now)

    def _dependencies(self, landing: Landing, table: str, now: datetime) -> None:
        service = self._config.service_table or "cmdb_ci_service"
        conditions = [
            f"type.name={self._config.relation_type}",
            f"parent.sys_class_nameINSTANCEOF{service}",
            f"child.sys_class_nameINSTANCEOF{service}",
        ]
        self._snapshot(landing, "dependencies", table, conditions, RELATION_FIELDS, now)

    def _risks(self, landing: Landing, table: str, now: datetime) -> None:
        query = [self._config.risk_query] if self._config.risk_query else []
        try:
            self._snapshot(landing, "risks", table, query, self._tables.risk_fields, now)
        except AccessError:
            raise
        except SourceError as error:
            if self._tables.is_risk_table_expected or "Invalid table" not in str(error):
                raise
            self._progress(f"servicenow: no table {table} on this instance, so no risks")

    def _snapshot(
        self,
        landing: Landing,
        stream: str,
        table: str,
        conditions: Sequence[str],
        fields: Sequence[str],
        now: datetime,
    ) -> None:
        """Land a whole table, where its count or its newest change is another than last time."""
        probe = self._api.probe(table, conditions, "ORDERBYDESCsys_updated_on")
        mark = [probe.total, *(raw(record, "sys_updated_on") for record in probe.records)]
        cursor = landing.cursors.get(stream, {})
        if cursor.get("mark") == mark and not self._is_due(cursor["at"], now):
            return
        scan = Scan(table, conditions, fields, page_size=self._config.page_size)
        landing.replace(stream, "all", self._all(scan, stream))
        self._note(landing, scan, stream, "all", swept_at=now)
        landing.observe(stream, source_count=scan.visible)
        landing.commit(**{stream: {"mark": mark, "at": iso(now)}})

    def _sweep(self, landing: Landing, now: datetime) -> None:
        """Land the ids of all incidents, month by month: one that is missing was deleted."""
        cursor = landing.cursors.get("sweep", {})
        if "next" not in cursor and "at" in cursor and not self._is_due(cursor["at"], now):
            return
        since = Covered.from_cursor(landing.cursors["incidents"]).since
        parts = months(since, now)
        names = [name for name, _, _ in parts]
        at, hidden = cursor.get("at"), cursor.get("hidden", 0)
        first = names.index(cursor["next"]) if cursor.get("next") in names else 0
        if first == 0:
            at, hidden = iso(now), 0
        for number in range(first, len(parts)):
            name, begin, end = parts[number]
            conditions = [
                at_least("sys_updated_on", since),
                *([at_least("sys_created_on", begin)] if begin else []),
                before("sys_created_on", end),
            ]
            scan = Scan(
                self._config.incident_table,
                conditions,
                ("sys_id",),
                page_size=self._config.id_page_size,
                has_display=False,
            )
            landing.replace("incident_ids", name, self._all(scan, f"ids {name}"))
            self._note(landing, scan, "incidents", name, now - self._overlap, since, begin, end)
            hidden += scan.hidden
            is_last = number + 1 == len(parts)
            if is_last:
                landing.commit(sweep={"at": at}, hidden=hidden)
            else:
                landing.commit(sweep={"at": at, "next": names[number + 1], "hidden": hidden})

    def _is_due(self, at: str, now: datetime) -> bool:
        return now - moment(at) >= timedelta(hours=self._config.sweep_hours)

    def _all(self, scan: Scan, what: str) -> Iterator[Record]:
        for page in self._api.pages(scan):
            yield from page.records
            if page.records:
                self._progress(f"servicenow {what}: {scan.visible:,}")
        self._tell_hidden(scan)

    def _note(
        self,
        landing: Landing,
        scan: Scan,
        stream: str,
        part: str,
        swept_at: datetime,
        since: datetime | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> None:
        """Land what a look at all ids of a table, or of a month of it, covered and found."""
        note = {
            "stream": stream,
            "part": part,
            "table_name": scan.table,
            "updated_since": iso(since) if since else None,
            "created_since": iso(begin) if begin else None,
            "created_before": iso(end) if end else None,
            "swept_at": iso(swept_at),
            "visible": scan.visible,
            "hidden": scan.hidden,
        }
        landing.replace("sweeps", f"{stream}-{part}", [note])

    def _tell_hidden(self, scan: Scan) -> None:
        if scan.hidden:
            self._progress(
                f"servicenow {scan.table}: access rules hide {scan.hidden:,} of {scan.total:,}"
            )
