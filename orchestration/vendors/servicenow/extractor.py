"""A sync of ServiceNow, table by table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import AccessError, SourceError
from orchestration.landing import Landing
from orchestration.vendors import base
from orchestration.vendors.servicenow.settings import (
    DELETION_FIELDS,
    INCIDENT_FIELDS,
    RELATION_FIELDS,
    RISK_FIELDS,
    SERVICE_FIELDS,
    ServiceNowConfig,
)
from orchestration.vendors.servicenow.table import (
    Record,
    Scan,
    at_least,
    before,
    decoded,
    pages,
    probe,
    raw,
)
from orchestration.vendors.servicenow.windows import SETTLING, land_changes, report_hidden

NAME = "servicenow"


class ServiceNow(base.HttpExtractor):
    """Lands incidents, deletions, incident_ids, services, dependencies, risks and sweeps.

    Cursors: `incidents` and `deletions`, see `land_changes`; `services`, `dependencies` and
    `risks`, what identified their last versions; `sweep`, its time; `hidden`, incidents hidden from
    us.
    """

    def __init__(self, config: ServiceNowConfig, context: base.Context) -> None:
        url = base.required_url(config.url, NAME)
        zone = context.environment.get("PAYDOWN_SERVICENOW_TIMEZONE", "") or "UTC"
        if zone != "UTC":
            raise SourceError(
                f"{NAME}: PAYDOWN_SERVICENOW_TIMEZONE is {zone}, but the instance itself sends "
                "UTC; unset it, and load exported files in that zone in a separate run"
            )
        token, user, password = names = (config.token_env, config.user_env, config.password_env)
        super().__init__(
            context,
            NAME,
            url,
            base.authorization(context, NAME, *names),
            f"check {token}, or {user} and {password}, and let that user read the table (role "
            "itil, for deletions and risks a role of their own)",
            decode=decoded,
        )
        self._config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)

    def check(self) -> str:
        table = self._config.incident_table
        total, _, _ = probe(self.http, table, _conditions(self._config.query))
        return f"{total:,} records in {table}"

    def sync(self, landing: Landing) -> None:
        self.landing = landing
        now = self._incidents(self._config.begins_at(landing.started_at))
        refused: list[AccessError] = []
        for setting, stream, scan in self._tables():
            try:
                if stream == "deletions":
                    since = base.moment(landing.cursors["incidents"]["since"])
                    self._changes(stream, "sys_created_on", scan, since, now)
                else:
                    self._snapshot(stream, scan, now)
            except AccessError as error:
                # Readable tables are read, then the sync reports the others.
                landing.abandon()
                refused.append(AccessError(f'{error}; or set {setting} to ""'))
            except SourceError as error:
                # Without the risk product this table doesn't exist, which isn't an error.
                is_expected = stream != "risks" or setting in self._config.model_fields_set
                if is_expected or "Invalid table" not in str(error):
                    raise
                self.progress(f"no table {scan.table} on this instance, so no risks")
        self._sweep(now)
        if refused:
            raise refused[0]

    def _incidents(self, begin: datetime) -> datetime:
        """Land what changed, newest version each; returns the server's clock."""
        config, cursors = self._config, self.landing.cursors
        table, conditions = config.incident_table, _conditions(config.query)
        covered = cursors.get("incidents")
        since = min(begin, base.moment(covered["since"])) if covered else begin
        total, _, now = probe(self.http, table, [*conditions, at_least("sys_updated_on", since)])
        # A sweep counts without `query`.
        hidden = 0 if config.query else cursors.get("hidden", 0)
        count = max(0, total - hidden)
        self.landing.observe("incidents", source_count=count, since=since, until=now - SETTLING)
        chosen = self._chosen("SERVICE", "FAILURE") | dict.fromkeys(config.fields, "fields")
        self._check_columns(table, chosen)
        fields = () if "*" in config.fields else _fields(INCIDENT_FIELDS, chosen)
        scan = Scan(table, conditions, fields, config.page_size)
        self._changes("incidents", "sys_updated_on", scan, begin, now)
        return now

    def _changes(self, stream: str, field: str, scan: Scan, begin: datetime, now: datetime) -> None:
        width = timedelta(days=self._config.window_days)
        land_changes(self, stream, field, scan, begin, now, width=width, overlap=self._overlap)

    def _chosen(self, *names: str) -> dict[str, str]:
        """Columns named by the environment, and the variables that name them."""
        variables = [f"PAYDOWN_SERVICENOW_{name}_FIELD" for name in names]
        columns = {self.context.environment.get(one, ""): one for one in variables}
        return {column: one for column, one in columns.items() if column}

    def _check_columns(self, table: str, chosen: Mapping[str, str]) -> None:
        """ServiceNow ignores a column that doesn't exist, so it would stay empty forever.

        Raises:
            SourceError: a setting names none of the table's columns.
        """
        chosen = {column: setting for column, setting in chosen.items() if column != "*"}
        if not chosen:
            return
        _, records, _ = probe(self.http, table, fields="")
        for column, setting in chosen.items() if records else ():
            if column.split(".")[0] not in records[0]:
                raise SourceError(
                    f"{NAME}: {table} has no readable column {column}; correct {setting}, "
                    f"there are: {', '.join(sorted(records[0]))}"
                )

    def _tables(self) -> Iterator[tuple[str, str, Scan]]:
        """The tables besides incidents: the setting that names each, its stream, its scan."""
        config = self._config
        service = config.service_table or "cmdb_ci_service"
        deletions = [f"tablename={config.incident_table}"]
        relations = [
            f"type.name={config.relation_type}",
            f"parent.sys_class_nameINSTANCEOF{service}",
            f"child.sys_class_nameINSTANCEOF{service}",
        ]
        services, risks = _conditions(config.service_query), _conditions(config.risk_query)
        risk_fields = _fields(RISK_FIELDS, self._chosen("RISK_SERVICE"))
        for setting, stream, conditions, fields in (
            ("deletions_table", "deletions", deletions, DELETION_FIELDS),
            ("service_table", "services", services, SERVICE_FIELDS),
            ("relation_table", "dependencies", relations, RELATION_FIELDS),
            ("risk_table", "risks", risks, risk_fields),
        ):
            if table := getattr(config, setting):
                yield setting, stream, Scan(table, conditions, fields, config.page_size)

    def _snapshot(self, stream: str, scan: Scan, now: datetime) -> None:
        """Land a complete table, if its count or its newest change differs from last time."""
        total, records, _ = probe(self.http, scan.table, scan.conditions)
        mark = [total, *(raw(record, "sys_updated_on") for record in records)]
        cursor = self.landing.cursors.get(stream, {})
        hours = self._config.sweep_hours
        if cursor.get("mark") == mark and not base.is_over(cursor.get("at"), hours, now):
            return
        if stream == "risks":
            self._check_columns(scan.table, self._chosen("RISK_SERVICE"))
        self._land_all(scan, stream, stream, "all", now)
        self.landing.observe(stream, source_count=scan.visible)
        self.landing.commit(**{stream: {"mark": mark, "at": base.iso(now)}})

    def _sweep(self, now: datetime) -> None:
        """Land the ids of all incidents, month by month: a missing one was deleted."""
        config, hidden = self._config, 0
        swept_at = self.landing.cursors.get("sweep", {}).get("at")
        if not base.is_over(swept_at, config.sweep_hours, now):
            return
        since = base.moment(self.landing.cursors["incidents"]["since"])
        parts: list[tuple[str, datetime | None, datetime]] = [("earlier", None, since)]
        parts += [(f"{begin:%Y-%m}", begin, end) for begin, end in [*base.months(since, now)][::-1]]
        for name, begin, end in parts:
            bounds = [at_least("sys_created_on", begin)] if begin else []
            bounds += [at_least("sys_updated_on", since), before("sys_created_on", end)]
            size, fields = config.id_page_size, ("sys_id",)
            scan = Scan(config.incident_table, bounds, fields, size, has_display=False)
            self._land_all(
                scan, "incident_ids", "incidents", name, now - self._overlap,
                updated_since=base.iso(since),
                created_since=base.iso(begin) if begin else None,
                created_before=base.iso(end),
            )  # fmt: skip
            self.landing.commit()
            hidden += scan.hidden
        self.landing.commit(sweep={"at": base.iso(now)}, hidden=hidden)

    def _land_all(
        self, scan: Scan, stream: str, swept: str, part: str, swept_at: datetime, **bounds: Any
    ) -> None:
        """Write all records of a scan as the file `part`, and its coverage and counts."""

        def records() -> Iterator[Record]:
            for page in pages(self.http, scan):
                yield from page.records
                if page.records:
                    self.progress(f"{stream} {part}: {scan.visible:,}")

        self.landing.replace(stream, part, records())
        report_hidden(self, scan)
        note = {
            "stream": swept,
            "part": part,
            "table_name": scan.table,
            "updated_since": None,
            "created_since": None,
            "created_before": None,
            **bounds,
            "swept_at": base.iso(swept_at),
            "visible": scan.visible,
            "hidden": scan.hidden,
        }
        self.landing.replace("sweeps", f"{swept}-{part}", [note])


def _conditions(query: str) -> list[str]:
    return [query] if query else []


def _fields(usual: tuple[str, ...], chosen: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*usual, *chosen]))
