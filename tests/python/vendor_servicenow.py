"""A ServiceNow instance on loopback: encoded queries, access rules, counts, its own clock."""

from __future__ import annotations

import json
import operator
import random
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .loopback import Answer, Request, Vendor

Row = dict[str, str]

# What the reference of the Table API lists for GET on a table, with the values of enumerations.
PARAMETERS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "sysparm_query": ".+",
        "sysparm_display_value": "true|false|all",
        "sysparm_exclude_reference_link": "true|false",
        "sysparm_suppress_pagination_header": "true|false",
        "sysparm_fields": r"[\w.]+(,[\w.]+)*",
        "sysparm_limit": "[1-9][0-9]*",
        "sysparm_offset": "[0-9]+",
        "sysparm_no_count": "true|false",
        "sysparm_view": ".+",
        "sysparm_query_category": ".+",
        "sysparm_query_no_domain": "true|false",
    }.items()
}
FIELDS: dict[str, set[str]] = {
    "incident": {
        "sys_id", "number", "sys_mod_count", "sys_created_on", "sys_updated_on", "state", "active",
        "short_description", "opened_at", "resolved_at", "cmdb_ci", "caller_id",
    },
    "sys_audit_delete": {
        "sys_id", "tablename", "documentkey", "display_value", "sys_created_on", "payload",
    },
    "cmdb_ci_service": {
        "sys_id", "name", "sys_class_name", "sys_updated_on", "support_group",
        "operational_status",
    },
    "cmdb_rel_ci": {"sys_id", "parent", "child", "type", "sys_updated_on"},
    "cmdb_rel_type": {"sys_id", "name"},
    "sn_risk_risk": {"sys_id", "number", "name", "profile", "sys_updated_on"},
}  # fmt: skip
REFERENCES = {"parent": "cmdb_ci_service", "child": "cmdb_ci_service", "type": "cmdb_rel_type"}
SUBCLASSES = {"cmdb_ci_service": {"cmdb_ci_service", "cmdb_ci_service_auto"}}
MOMENTS = ("sys_created_on", "sys_updated_on", "opened_at", "resolved_at")
CONDITION = re.compile(r"([a-z_.]+?)(INSTANCEOF|>=|<=|!=|=|>|<)(.*)", re.DOTALL)
OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq, ">": operator.gt,
    "<": operator.lt,
}  # fmt: skip
NAMES = {"1": "New", "2": "In Progress", "6": "Resolved", "7": "Closed"}


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


class Instance(Vendor):
    """
    Attributes:
        hidden: ids of records that access rules keep back.
        refused: tables that answer 403.
        zone: how far from UTC the moments of queries are understood.
        largest: a request for more records than this is cut off in the middle, between two records
            or, where `is_truncated`, in one.
    """

    def __init__(self, now: datetime, seed: int = 0) -> None:
        super().__init__()
        self.clock = now
        self.random = random.Random(seed)
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in FIELDS}
        self.hidden: set[str] = set()
        self.refused: set[str] = set()
        self.is_audited = True
        self.zone = timedelta()
        self.largest = 10_000
        self.is_truncated = False
        self.complaints: list[str] = []
        self.count = 0

    def now(self) -> datetime:
        return self.clock

    def answer(self, request: Request) -> Answer:
        table = request.path.removeprefix("/api/now/table/")
        if request.method != "GET" or "/" in table:
            self.complaints.append(f"{request.method} {request.path}")
        for name, value in request.query:
            if name not in PARAMETERS or not PARAMETERS[name].fullmatch(value):
                self.complaints.append(f"{name}={value}")
        if table not in self.tables:
            return Answer({"error": {"message": f"Invalid table {table}"}}, 400)
        if table in self.refused:
            return Answer({"error": {"message": "User Not Authorized"}}, 403)
        matching = self.select(table, request.one("sysparm_query"))
        limit = int(request.one("sysparm_limit", "10000"))
        matching, total = matching[int(request.one("sysparm_offset", "0")) :], len(matching)
        page = [row for row in matching[:limit] if row["sys_id"] not in self.hidden]
        fields = list(filter(None, request.one("sysparm_fields").split(",")))
        display = request.one("sysparm_display_value", "false")
        result = [_shown(row, fields or FIELDS[table], display) for row in page]
        headers = {"X-Total-Count": str(total)}
        if limit > self.largest:
            error = {"message": "Transaction cancelled: maximum execution time exceeded"}
            if self.is_truncated:
                text = json.dumps({"result": result})[:-40] + json.dumps({"error": error})
                return Answer(
                    text.encode(), headers={"Content-Type": "application/json", **headers}
                )
            return Answer({"error": error, "result": result[: limit // 2]}, headers=headers)
        return Answer({"result": result}, headers=headers)

    def select(self, table: str, query: str) -> list[Row]:
        """The rows of an encoded query, in its order. What names no field is passed over."""
        rows = list(self.tables[table].values())
        for part in re.split(r"(?<!\^)\^(?!\^)", query):
            condition = part.replace("^^", "^")
            if condition.startswith("ORDERBY"):
                field = condition.removeprefix("ORDERBYDESC").removeprefix("ORDERBY")
                rows.sort(key=lambda row: row["sys_id"])
                rows.sort(
                    key=lambda row: row.get(field, "").lower(),
                    reverse=condition.startswith("ORDERBYDESC"),
                )
            elif (found := CONDITION.fullmatch(condition)) and self._is_field(table, found[1]):
                rows = list(filter(self._holds(*found.groups()), rows))
        return rows

    def _is_field(self, table: str, field: str) -> bool:
        head, _, tail = field.partition(".")
        return head in FIELDS[table] and (not tail or tail in FIELDS[REFERENCES[head]])

    def _holds(self, field: str, sign: str, wanted: str) -> Callable[[Row], bool]:
        head, _, tail = field.partition(".")
        if head in MOMENTS:
            wanted = text(datetime.fromisoformat(wanted) - self.zone)
        compare = (
            (lambda value, wanted: value in SUBCLASSES[wanted])
            if sign == "INSTANCEOF"
            else OPERATORS[sign]
        )
        wanted = wanted.lower()
        if not tail:
            return lambda row: compare(row.get(head, "").lower(), wanted)
        others = self.tables[REFERENCES[head]]
        return lambda row: compare(others.get(row[head], {}).get(tail, "").lower(), wanted)

    # What people and jobs do on the instance.

    def new_id(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def open(self, at: datetime | None = None, sys_id: str = "") -> Row:
        """A new incident, as if at that moment."""
        moment = text(at or self.clock)
        self.count += 1
        row = {
            "sys_id": sys_id or self.new_id(), "number": f"INC{self.count:07d}",
            "sys_mod_count": "0", "sys_created_on": moment, "sys_updated_on": moment,
            "state": "1", "active": "true", "short_description": "it is slow", "opened_at": moment,
            "resolved_at": "", "cmdb_ci": "pay", "caller_id": "Ada Lovelace",
        }  # fmt: skip
        self.tables["incident"][row["sys_id"]] = row
        return row

    def change(self, row: Row, at: datetime | None = None, **values: str) -> None:
        moment = max(text(at or self.clock), row["sys_updated_on"])
        count = str(int(row["sys_mod_count"]) + 1)
        changed = {**row, **values, "sys_mod_count": count, "sys_updated_on": moment}
        self.tables["incident"][row["sys_id"]] = changed

    def delete(self, row: Row) -> None:
        del self.tables["incident"][row["sys_id"]]
        if self.is_audited:
            self.put(
                "sys_audit_delete", tablename="incident", documentkey=row["sys_id"],
                display_value=row["number"], sys_created_on=text(self.clock),
                payload="<incident/>",
            )  # fmt: skip

    def put(self, table: str, **values: str) -> str:
        sys_id = values.get("sys_id") or self.new_id()
        self.tables[table][sys_id] = {
            "sys_updated_on": text(self.clock), **values, "sys_id": sys_id,
        }  # fmt: skip
        return sys_id

    def catalog(self) -> None:
        """Two services, one of which depends on the other, and a risk."""
        depends = self.put("cmdb_rel_type", name="Depends on::Used by")
        contains = self.put("cmdb_rel_type", name="Contains::Contained by")
        pay = self.put("cmdb_ci_service", name="pay", sys_class_name="cmdb_ci_service")
        auth = self.put("cmdb_ci_service", name="auth", sys_class_name="cmdb_ci_service_auto")
        self.put("cmdb_rel_ci", parent=pay, child=auth, type=depends)
        self.put("cmdb_rel_ci", parent=auth, child=pay, type=contains)
        self.put("cmdb_rel_ci", parent=pay, child="a server", type=depends)
        self.put("sn_risk_risk", number="RK0000001", name="Payments stop", profile="pay")

    def stir(self, *, hides: bool = False) -> None:
        """One thing happens: opened, changed, resolved, reopened, deleted, restored, late."""
        rows = list(self.tables["incident"].values())
        row = self.random.choice(rows) if rows else self.open()
        late = self.clock - timedelta(seconds=self.random.randint(0, 120))
        happening = self.random.randrange(8)
        if happening == 0:
            self.open()
        elif happening == 1:
            self.open(late)
        elif happening == 2:
            self.change(row, state="6", resolved_at=text(self.clock))
        elif happening == 3:
            self.change(row, state="2", resolved_at="")
        elif happening == 4:
            self.change(row, late, short_description=f"slow {self.clock}")
        elif happening == 5:
            self.delete(row)
        elif happening == 6:
            self.delete(row)
            if not hides:
                self.clock += timedelta(seconds=1)
                self.tables["incident"][row["sys_id"]] = row
        elif happening == 7 and hides:
            self.hidden.add(self.open()["sys_id"])


def _shown(row: Row, fields: Iterable[str], display: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in fields:
        if field not in row:
            continue
        value = row[field]
        # People see their own zone and the names of choices.
        seen = NAMES.get(value, value) if field == "state" else value
        if field in MOMENTS and value:
            seen = text(datetime.fromisoformat(value).replace(tzinfo=UTC) + timedelta(hours=2))
        both = {"display_value": seen, "value": value}
        shown[field] = both if display == "all" else seen if display == "true" else value
    return shown
