"""Incidents of the demo recomputed from `raw` in plain Python, by the guide for analysts.

None of the project's SQL is used. What a demo doesn't have (sweeps, CMDB exports, seeds that people
extended, a second load of a document) is left out. Durations are seconds, moments UTC without zone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb

Row = dict[str, Any]
AS_OF = datetime(2026, 6, 26, 16)
FLAP_GAP = timedelta(minutes=30)
MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?"
    "|oct(ober)?|nov(ember)?|dec(ember)?"
)
PUNCTUATION = (
    "[](){}<>,;:=/|`~*#@!?+&%$^'\""
    "\u2013\u2014\u2026\u201c\u201d\u2018\u2019\xab\xbb\xb7\u2022\u2192"
)
SERVICENOW = {"6": "resolved", "7": "resolved", "8": "canceled"}  # vendor's values of `state`


class Raw:
    """The warehouse's raw tables, each row a mapping."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def rows(self, table: str) -> list[Row]:
        """All rows of `raw.<table>`; none where the demo has no such table."""
        try:
            found = self._con.execute(f"select * from raw.{table}")
        except duckdb.CatalogException:
            return []
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def newest(self, table: str, key: str, *version: str) -> list[Row]:
        """The newest version of each record, by the fields that say so."""
        best: dict[Any, Row] = {}
        for row in self.rows(table):
            rank = tuple((row[one] is not None, row[one] or datetime.min) for one in version)
            row["_rank"] = (*rank, row["_payload"])
            if row[key] not in best or best[row[key]]["_rank"] < row["_rank"]:
                best[row[key]] = row
        return list(best.values())


Stretch = tuple[datetime, datetime | None]


def seconds(at: datetime) -> float:
    """Seconds since 1970."""
    return (at - datetime(1970, 1, 1)).total_seconds()


@dataclass
class Incident:
    """One record; `began` is before `triggered` where an earlier record was merged into it."""

    id: str
    source: str
    refs: set[str]
    kind: str
    title: str
    status: str
    severity: int | None
    alert: str | None
    service_keys: list[tuple[str, str | None]]
    triggered: datetime
    acknowledged: datetime | None
    resolved: datetime | None
    points_to: str | None = None
    merged_into: str | None = None
    timeline: list[Stretch] = field(default_factory=list)
    triggered_on: str | None = None
    began: datetime = field(default=datetime.max)
    counted_as: str | None = None
    excluded: str | None = None
    service: str = ""
    stated: str | None = None
    episode: str = ""
    is_flap: bool = False

    @property
    def elapsed(self) -> float | None:
        """From the first trigger to the last resolve."""
        return (self.resolved - self.began).total_seconds() if self.resolved else None

    @property
    def active(self) -> float | None:
        """Its stretches, no longer than it took; before them what was merged into it."""
        if self.resolved is None:
            return None
        own = (self.resolved - self.triggered).total_seconds()
        timed = sum(
            ((end or self.resolved) - start).total_seconds()
            for start, end in self.timeline
            if (end or self.resolved) >= start
        )
        before = (self.triggered - self.began).total_seconds()
        return before + (timed if self.timeline and timed <= own else own)

    def stretches(self) -> list[tuple[float, float]]:
        """When it was active, as seconds since 1970; of an open one up to AS_OF."""
        end = self.resolved or (AS_OF if self.status != "resolved" else None)
        if end is None:
            return []
        found = []
        for n, (start, over) in enumerate(self.timeline or [(self.triggered, None)]):
            start = min(start, self.began) if n == 0 else start
            if start <= end:
                found.append((seconds(start), seconds(min(over or end, end))))
        return found


def severity(priority: str | None, urgency: str | None = None) -> int | None:
    """1 (worst) to 5: the number that a priority begins with, else the urgency's."""
    found = re.match(r"(?:p|sev|s|prio|priority|severity)?[ -]?([0-5])\b", (priority or "").lower())
    if found:
        return max(int(found[1]), 1)
    words = {"critical": 1, "high": 2, "moderate": 3, "medium": 3, "low": 4}
    return words.get((priority or urgency or "").lower().split(" ")[0])


def _pagerduty(raw: Raw) -> Iterator[Incident]:
    entries = defaultdict(list)
    for entry in raw.newest("pagerduty__log_entries", "id", "created_at"):
        entries[entry["incident_id"]].append(entry)
    for row in raw.newest("pagerduty__incidents", "id", "updated_at"):
        log = sorted(entries[row["id"]], key=lambda e: (e["created_at"], e["id"]))
        turns = [
            e for e in log
            if e["type"].split("_")[0] in ("trigger", "acknowledge", "unacknowledge", "resolve")
        ]  # fmt: skip
        stretches: list[Stretch] = []
        is_active = False
        for entry in turns:
            at = entry["created_at"]
            if entry["type"] == "resolve_log_entry":
                if is_active:
                    stretches[-1] = (stretches[-1][0], at)
                is_active = False
            elif not is_active:
                stretches.append((row["created_at"] if not stretches else at, None))
                is_active = True
        status = row["status"].lower()
        ends = [end for _, end in stretches if end]
        resolved = row["resolved_at"] or (max(ends) if ends else row["last_status_change_at"])
        acks = [e["created_at"] for e in turns if e["type"] == "acknowledge_log_entry"]
        triggers = [e for e in log if e["type"] == "trigger_log_entry"]
        first = triggers[0] if triggers else {}
        is_merged = row["resolve_reason"] == "merge_resolve_reason"
        label = row["label_k8s_name"] or first.get("label_k8s_name")
        owner = row["label_service_owner"] or first.get("label_service_owner")
        yield Incident(
            id=f"pagerduty:{row['id']}", source="pagerduty", kind="incident",
            refs={row["id"], str(row["incident_number"]), f"pagerduty:{row['incident_number']}"},
            title=row["title"] or "", status="open" if status == "triggered" else status,
            severity=severity(row["priority"], row["urgency"]), alert=row["incident_key"],
            service_keys=[
                ("pagerduty", row["service_id"]), ("name", row["service_name"]),
                ("name", label), ("name", owner), ("team", owner),
            ],
            triggered=row["created_at"], acknowledged=min(acks) if acks else row["acknowledged_at"],
            resolved=resolved if status == "resolved" else None, points_to=row["incident_key"],
            merged_into=row["merged_into_id"] if is_merged else None, timeline=stretches,
            triggered_on=first.get("service_id") or row["service_id"],
            stated=row["service_name"] or row["service_id"] or label or owner,
        )  # fmt: skip


def _opsgenie(raw: Raw) -> Iterator[Incident]:
    alerts = raw.newest("opsgenie__alerts", "id", "updated_at")
    taken: dict[str, datetime] = {}
    for row in alerts:
        is_owners = (row["incident_alert_type"] or "").lower() == "owner"
        if row["linked_incident_id"] and is_owners and row["ack_time_ms"] is not None:
            at = row["created_at"] + timedelta(seconds=round(row["ack_time_ms"] / 1000))
            known = taken.get(row["linked_incident_id"], at)
            taken[row["linked_incident_id"]] = min(known, at)
    for row in [*raw.newest("opsgenie__incidents", "id", "updated_at"), *alerts]:
        is_alert = "close_time_ms" in row
        is_over = row["status"].lower() in (("closed",) if is_alert else ("resolved", "closed"))
        acked, ended = taken.get(row["id"]), row.get("impact_end_at")
        label = row["label_k8s_name"] or row.get("tagged_k8s_name")
        owner = row["label_service_owner"] or row.get("tagged_service_owner")
        if is_alert:
            seconds = [row["ack_time_ms"], row["close_time_ms"]]
            acked, ended = (
                row["created_at"] + timedelta(seconds=round(ms / 1000)) if ms is not None else None
                for ms in seconds
            )
        is_taken = row["is_acknowledged"] if is_alert else acked is not None
        yield Incident(
            id=f"opsgenie:{row['id']}", source="opsgenie", kind="alert" if is_alert else "incident",
            refs={row["id"], str(row["tiny_id"]), f"opsgenie:{row['tiny_id']}"},
            title=row["message"] or "",
            status="resolved" if is_over else "acknowledged" if is_taken else "open",
            severity=severity(row["priority"]), alert=row["alias"],
            service_keys=[
                ("opsgenie", row["service_id"]), ("opsgenie", row["tagged_service"]),
                ("name", row["tagged_service"]), ("name", label), ("name", owner), ("team", owner),
            ],
            triggered=row["created_at"], acknowledged=acked, resolved=ended if is_over else None,
            points_to=row.get("linked_incident_id") or row.get("correlation_id") or row["alias"],
            triggered_on=row["service_id"],
            stated=row["tagged_service"] or row["service_id"] or label or owner,
        )  # fmt: skip


def _servicenow(raw: Raw) -> Iterator[Incident]:
    versions = defaultdict(list)
    for row in raw.rows("servicenow__incidents"):
        versions[row["number"]].append(row)
    for row in raw.newest("servicenow__incidents", "number", "updated_at", "sys_mod_count"):
        status = _state(row)
        if status == "open" and row["acknowledged_at"]:
            status = "acknowledged"
        resolved = row["resolved_at"] if status == "resolved" else None
        yield Incident(
            id=f"servicenow:{row['number']}", source="servicenow", kind="incident",
            refs={row["number"], row["sys_id"] or row["number"]},
            title=row["short_description"] or "",
            status=status, severity=severity(row["priority"]), alert=None,
            service_keys=[
                ("servicenow", row["service_id"]), ("name", row["service_name"]),
                ("name", row["label_service_owner"]), ("team", row["label_service_owner"]),
            ],
            triggered=row["opened_at"], acknowledged=row["acknowledged_at"], resolved=resolved,
            points_to=row["correlation_id"], triggered_on=row["service_id"],
            timeline=_reopened(versions[row["number"]], row),
            stated=row["service_name"] or row["service_id"] or row["label_service_owner"],
        )  # fmt: skip


def _state(row: Row) -> str:
    text = str(row["state_value"] or row["state"] or "").strip().lower()
    for value, status in SERVICENOW.items():
        if text == value or text == {"6": "resolved", "7": "closed", "8": "canceled"}[value]:
            return status
    return "open"


def _reopened(versions: list[Row], newest: Row) -> list[Stretch]:
    """The stretches of a ticket that was reopened, as its versions show; none of one stretch."""
    stretches: list[Stretch] = [(newest["opened_at"], None)]
    ordered = sorted(
        versions, key=lambda v: (v["updated_at"], v["sys_mod_count"] or 0, _state(v) != "open")
    )
    is_over = False
    for version in ordered:
        now_over = _state(version) != "open"
        if now_over and not is_over:
            start, stated, at = stretches[-1][0], version["resolved_at"], version["updated_at"]
            stretches[-1] = (start, stated if stated and start <= stated <= at else at)
        elif is_over and not now_over:
            stretches.append((version["updated_at"], None))
        is_over = now_over
    stretches[-1] = (stretches[-1][0], None)
    return stretches if len(stretches) > 1 else []


def title_words(title: str) -> str | None:
    """What is the same in titles that are alike: no numbers, ids, hosts, dates, punctuation."""
    text = re.sub(f"[{re.escape(PUNCTUATION)}]", " ", title.lower())
    text = re.sub(rf"(^| )[0-9]{{1,2}}(st|nd|rd|th)?[. -]+(of )?({MONTHS})([ .-]|$)", " ", text)
    text = re.sub(rf"(^| )({MONTHS})[. -]+[0-9]{{1,2}}(st|nd|rd|th)?([ .-]|$)", " ", text)
    hosts = re.compile(r"[a-z0-9]\.[a-z0-9-]+\.[a-z]")
    words = [w for w in text.split() if not hosts.search(w) and len(re.findall("[0-9]", w)) < 3]
    kept = re.sub(r"[-._]+", " ", re.sub("[0-9]+", "", " ".join(words))).split()
    return " ".join(kept) or None


def read_incidents(raw: Raw, names: dict[tuple[str, str], str]) -> dict[str, Incident]:
    """Every record known as of AS_OF by id, judged: what it is counted as, its service and episode.

    names: (kind, lower-case name or id) -> the only service that claims it.
    """
    records = {
        one.id: one
        for one in [*_pagerduty(raw), *_opsgenie(raw), *_servicenow(raw)]
        if one.triggered <= AS_OF
    }
    keys = keys_of(records)
    for one in records.values():
        if one.acknowledged and not one.triggered <= one.acknowledged <= AS_OF:
            one.acknowledged = None
        one.began = one.triggered
        stated = [(kind, value.strip().lower()) for kind, value in one.service_keys if value]
        found = [names[key] for key in stated if key in names]
        own_name = f"uncatalogued:{(one.stated or 'unnamed').strip().lower()}"
        one.service = found[0] if found else own_name
    _follow(records, keys)
    for one in records.values():
        if one.excluded in ("merged", "duplicate") and one.counted_as in records:
            target = records[one.counted_as]
            target.began = min(target.began, one.triggered)
    return records


def keys_of(records: dict[str, Incident]) -> dict[str, str]:
    """What names exactly one incident, across tools."""
    claims = defaultdict(set)
    for one in records.values():
        for ref in {one.id, *one.refs}:
            claims[ref.strip().lower()].add(one.id)
    return {ref: min(ids) for ref, ids in claims.items() if len(ids) == 1}


def _follow(records: dict[str, Incident], keys: dict[str, str]) -> None:
    """Counted once: merged, duplicates and alerts at the incident that they lead to."""

    def target(one: Incident) -> str | None:
        merged = keys.get(f"{one.source}:{(one.merged_into or '').lower()}")
        named = keys.get((one.points_to or "").strip().lower())
        return merged or (named if named != one.id else None)

    def is_minor(one: Incident) -> bool:
        return one.kind == "alert" and (one.severity or 5) > 3

    for one in records.values():
        seen, at = {one.id}, target(one)
        end = None
        while at and at not in seen:
            seen.add(at)
            onward = target(records[at])
            if onward is None:
                end = None if is_minor(records[at]) else at
            at = onward
        one.counted_as = end
        title = one.title.lower()
        if one.status == "canceled":
            one.excluded = "canceled"
        elif title.startswith(("[test]", "test incident")):
            one.excluded = "test"
        elif title.startswith(("[game day]", "[gameday]")):
            one.excluded = "game_day"
        elif one.merged_into:
            one.excluded = "merged"
        elif one.kind == "alert" and end:
            one.excluded = "alert"
        elif is_minor(one):
            one.excluded = "minor_alert"
        elif end:
            one.excluded = "duplicate"


def set_episodes(counted: list[Incident], service_of: dict[str, str]) -> None:
    """Flaps: incidents of one alert within the gap after the end of one before."""
    groups = defaultdict(list)
    for one in counted:
        one.episode = one.id
        if one.alert:
            groups[one.source, service_of[one.id], one.alert].append(one)
    for group in groups.values():
        first, over = group[0].id, datetime.min
        for one in sorted(group, key=lambda i: (i.began, i.id)):
            one.is_flap = over > datetime.min and one.began <= over + FLAP_GAP
            first = first if one.is_flap else one.id
            one.episode = first
            over = max(over, one.resolved or one.began)
