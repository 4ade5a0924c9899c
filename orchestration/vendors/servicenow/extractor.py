"""What a sync of ServiceNow does, table by table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import AccessError, Http, SourceError
from orchestration.landing import Landing
from orchestration.vendors.base import (
    Context,
    HttpExtractor,
    Sync,
    authorization,
    iso,
    moment,
    months,
)
from orchestration.vendors.servicenow.settings import (
    DELETION_FIELDS,
    INCIDENT_FIELDS,
    RELATION_FIELDS,
    RISK_FIELDS,
    SERVICE_FIELDS,
    ServiceNowSettings,
)
from orchestration.vendors.servicenow.table import (
    Record,
    Scan,
    at_least,
    before,
    pages,
    probe,
    raw,
)
from orchestration.vendors.servicenow.windows import SETTLING, land_changes

NAME = "servicenow"


class ServiceNowConfig(ServiceNowSettings):
    """The settings, and the way from them to an extractor."""

    def extractor(self, context: Context) -> ServiceNow:
        if self.url is None:
            raise SourceError(
                f"{NAME}: url is not set; write `{NAME}: {{url: https://example.service-now.com}}` "
                "into sources.yaml"
            )
        zone = context.environment.get("PAYDOWN_SERVICENOW_TIMEZONE", "") or "UTC"
        if zone != "UTC":
            raise SourceError(
                f"{NAME}: PAYDOWN_SERVICENOW_TIMEZONE is {zone}, but the instance itself sends "
                "UTC; unset it, and leave exported files in that zone to a run of their own"
            )
        http = Http(
            NAME,
            self.url,
            credentials=authorization(
                context, NAME, self.token_env, self.user_env, self.password_env
            ),
            access_hint=(
                f"check {self.token_env}, or {self.user_env} and {self.password_env}, and let that "
                "user read the table (role itil, for deletions and risks a role of their own)"
            ),
            patience=context.patience,
        )
        return ServiceNow(self, http, context)


class ServiceNow(HttpExtractor):
    """Lands incidents, deletions, incident_ids, services, dependencies, risks and sweeps.

    Cursors: `incidents` and `deletions`, as `Covered`; `services`, `dependencies` and `risks`, what
    identified their last versions; `sweep`, where and when; `hidden`, incidents hidden from us.
    """

    def __init__(self, config: ServiceNowConfig, http: Http, context: Context) -> None:
        super().__init__(http, context)
        self._config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._conditions = [config.query] if config.query else []

    def check(self) -> str:
        found = probe(self.http, self._config.incident_table, self._conditions)
        return f"{found.total:,} records in {self._config.incident_table}"

    def sync(self, landing: Landing) -> None:
        begin = self._config.begins_at(landing.started_at)
        now = self._incidents(landing, begin)
        refused: list[AccessError] = []
        for setting, stream, scan in self._tables():
            if not scan.table:
                continue
            try:
                if stream == "deletions":
                    since = moment(landing.cursors["incidents"]["since"])
                    self._changes(landing, stream, "sys_created_on", scan, since, now)
                else:
                    self._snapshot(landing, stream, scan, now)
            except AccessError as error:
                # What may be read is read, and then the sync reports what may not.
                landing.abandon()
                refused.append(AccessError(f'{error}; or set {setting} to ""'))
            except SourceError as error:
                # Where the risk product isn't installed no such table exists, which is no error.
                is_expected = stream != "risks" or setting in self._config.model_fields_set
                if is_expected or "Invalid table" not in str(error):
                    raise
                self.progress(f"no table {scan.table} on this instance, so no risks")
        self._sweep(landing, now)
        if refused:
            raise refused[0]

    def _incidents(self, landing: Landing, begin: datetime) -> datetime:
        """Land what changed, newest version each; returns the server's clock."""
        config = self._config
        covered = landing.cursors.get("incidents")
        since = min(begin, moment(covered["since"])) if covered else begin
        conditions = [*self._conditions, at_least("sys_updated_on", since)]
        found = probe(self.http, config.incident_table, conditions)
        # A sweep counts without `query`.
        hidden = 0 if config.query else landing.cursors.get("hidden", 0)
        landing.observe(
            "incidents",
            source_count=max(0, found.total - hidden),
            since=since,
            until=found.date - SETTLING,
        )
        chosen = (*INCIDENT_FIELDS, *self._chosen("SERVICE", "FAILURE"), *config.fields)
        wanted = () if "*" in config.fields else tuple(dict.fromkeys(chosen))
        scan = Scan(config.incident_table, self._conditions, wanted, config.page_size)
        self._changes(landing, "incidents", "sys_updated_on", scan, begin, found.date)
        return found.date

    def _changes(
        self, landing: Landing, stream: str, field: str, scan: Scan, begin: datetime, now: datetime
    ) -> None:
        width = timedelta(days=self._config.window_days)
        sync = Sync(self.http, landing, self.progress)
        land_changes(sync, stream, field, scan, begin, now, width=width, overlap=self._overlap)

    def _chosen(self, *names: str) -> list[str]:
        variables = [f"PAYDOWN_SERVICENOW_{name}_FIELD" for name in names]
        return [*filter(None, (self._context.environment.get(one, "") for one in variables))]

    def _tables(self) -> Iterator[tuple[str, str, Scan]]:
        """The tables besides incidents: the setting that names each, its stream, what is asked."""
        config, size = self._config, self._config.page_size
        deletions = [f"tablename={config.incident_table}"]
        yield (
            "deletions_table",
            "deletions",
            Scan(config.deletions_table, deletions, DELETION_FIELDS, size),
        )
        services = [*filter(None, [config.service_query])]
        yield (
            "service_table",
            "services",
            Scan(config.service_table, services, SERVICE_FIELDS, size),
        )
        service = config.service_table or "cmdb_ci_service"
        relations = [
            f"type.name={config.relation_type}",
            f"parent.sys_class_nameINSTANCEOF{service}",
            f"child.sys_class_nameINSTANCEOF{service}",
        ]
        yield (
            "relation_table",
            "dependencies",
            Scan(config.relation_table, relations, RELATION_FIELDS, size),
        )
        risks = [*filter(None, [config.risk_query])]
        wanted = tuple(dict.fromkeys([*RISK_FIELDS, *self._chosen("RISK_SERVICE")]))
        yield "risk_table", "risks", Scan(config.risk_table, risks, wanted, size)

    def _snapshot(self, landing: Landing, stream: str, scan: Scan, now: datetime) -> None:
        """Land all of a table, where its count or its newest change is another than last time."""
        found = probe(self.http, scan.table, scan.conditions, "ORDERBYDESCsys_updated_on")
        mark = [found.total, *(raw(record, "sys_updated_on") for record in found.records)]
        cursor = landing.cursors.get(stream, {})
        if cursor.get("mark") == mark and not self._is_due(cursor["at"], now):
            return
        self._land_all(landing, scan, stream, stream, "all", now)
        landing.commit(**{stream: {"mark": mark, "at": iso(now)}})

    def _sweep(self, landing: Landing, now: datetime) -> None:
        """Land the ids of all incidents, month by month: one that is missing was deleted."""
        cursor = landing.cursors.get("sweep", {})
        if "next" not in cursor and "at" in cursor and not self._is_due(cursor["at"], now):
            return
        since = moment(landing.cursors["incidents"]["since"])
        parts = [("earlier", None, since)]
        parts += [(f"{begin:%Y-%m}", begin, end) for begin, end in [*months(since, now)][::-1]]
        names = [name for name, _, _ in parts]
        at, hidden = cursor.get("at"), cursor.get("hidden", 0)
        first = names.index(cursor["next"]) if cursor.get("next") in names else 0
        if first == 0:
            at, hidden = iso(now), 0
        for (name, begin, end), following in zip(
            parts[first:], [*names[first + 1 :], None], strict=True
        ):
            conditions = [
                at_least("sys_updated_on", since),
                *([at_least("sys_created_on", begin)] if begin else []),
                before("sys_created_on", end),
            ]
            size = self._config.id_page_size
            scan = Scan(
                self._config.incident_table, conditions, ("sys_id",), size, has_display=False
            )
            self._land_all(
                landing, scan, "incident_ids", "incidents", name, now - self._overlap,
                updated_since=iso(since),
                created_since=iso(begin) if begin else None,
                created_before=iso(end),
            )  # fmt: skip
            hidden += scan.hidden
            rest = {"next": following, "hidden": hidden} if following else {}
            landing.commit(sweep={"at": at, **rest}, **({} if following else {"hidden": hidden}))

    def _land_all(
        self,
        landing: Landing,
        scan: Scan,
        stream: str,
        swept: str,
        part: str,
        swept_at: datetime,
        **bounds: Any,
    ) -> None:
        """Land all records of a scan as the file `part`, and what it covered and found."""

        def records() -> Iterator[Record]:
            for page in pages(self.http, scan):
                yield from page.records
                if page.records:
                    self.progress(f"{stream} {part}: {scan.visible:,}")

        landing.replace(stream, part, records())
        scan.report_hidden(self.progress)
        note = {
            "stream": swept,
            "part": part,
            "table_name": scan.table,
            "updated_since": None,
            "created_since": None,
            "created_before": None,
            **bounds,
            "swept_at": iso(swept_at),
            "visible": scan.visible,
            "hidden": scan.hidden,
        }
        landing.replace("sweeps", f"{swept}-{part}", [note])
        if swept == stream:
            landing.observe(stream, source_count=scan.visible)

    def _is_due(self, at: str, now: datetime) -> bool:
        return now - moment(at) >= timedelta(hours=self._config.sweep_hours)
