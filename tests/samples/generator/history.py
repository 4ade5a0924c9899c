"""Turns the tables into incidents: stories, awkward cases, duplicates, and a dull background."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from .model import EXPORTED_AT, HISTORY_START, SEED, WINDOW_START, Incident, Service
from .tables import services, table

SYMPTOMS = (
    "p99 latency above target",
    "error rate above 1%",
    "pods restarting",
    "memory near limit",
    "disk almost full",
    "queue growing",
    "health check failing",
    "slow queries",
    "connection pool exhausted",
    "upstream returns 503",
    "cache hit ratio low",
    "CPU throttled",
    "job did not finish",
    "stale data served",
    "rate limit reached",
    "replica lag",
    "synthetic check failing",
    "thread pool saturated",
)
SEVERITIES = (1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5)
FIRST_NUMBER = {"pagerduty": 4101, "opsgenie": 812, "servicenow": 10001}


def build_incidents() -> list[Incident]:
    """Every incident record of the three tools, oldest first, numbered per tool."""
    incidents = [
        *_stories(),
        *_recurring(),
        *_awkward(),
        *(one for service in services().values() for one in _background(service)),
    ]
    incidents += _duplicates({one.id: one for one in incidents})
    incidents.sort(key=lambda one: (one.created, one.id))
    counters = dict(FIRST_NUMBER)
    for one in incidents:
        one.number = counters[one.tool]
        counters[one.tool] += 1
    return incidents


def moment(text: str) -> datetime:
    """A table's UTC time, `2026-01-08T07:10`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _incident(row: dict[str, Any], created: datetime, minutes: float | None) -> Incident:
    """One incident of a table row; seconds, acknowledgement and edits are the row's own dice."""
    dice = Random(f"{SEED}/{row['id']}")
    created += timedelta(seconds=dice.randrange(60))
    end = None if minutes is None else created + timedelta(minutes=minutes)
    intervals: list[tuple[datetime, datetime | None]] = [(created, end)]
    for quiet, work in row.get("reopened", ()):
        previous = intervals[-1][1]
        assert previous is not None, f"{row['id']}: an open incident can't be reopened"
        start = previous + timedelta(minutes=quiet)
        intervals.append((start, start + timedelta(minutes=work)))
    wait = min(dice.lognormvariate(1.5, 0.7), 0.6 * abs(minutes or 30))
    ack = row.get("ack", wait)
    edited = end is not None and "into" not in row and dice.random() < 0.2
    later = timedelta(hours=dice.randrange(3, 120))
    tool = row.get("tool") or _tool(row["service"])
    last = intervals[-1][1]
    return Incident(
        id=row["id"],
        tool=tool,
        service=row["service"],
        title=row["title"],
        sev=row["sev"],
        intervals=intervals,
        acked_at=None if ack is None else created + timedelta(seconds=round(ack * 60)),
        case=row.get("case", "background"),
        key=row.get("key"),
        labels=row.get("labels", {}),
        label_tags=row.get("label_tags", False),
        into=row.get("into"),
        triggered_on=row.get("triggered_on"),
        edited_at=min(last + later, EXPORTED_AT) if edited and last else None,
    )


def _tool(service: str) -> str:
    """The tool that pages for a service; what is in no catalog pages through PagerDuty."""
    known = services().get(service)
    return known.tool if known else "pagerduty"


def _stories() -> list[Incident]:
    modes = table("modes")
    return [
        _incident(
            {
                "title": f"{row['service']}: {modes[row['mode']]['title'] if row['mode'] else ''}",
                **row,
                "case": "postmortem",
            },
            moment(row["at"]),
            row["minutes"],
        )
        for row in table("stories")["postmortems"]
    ]


def _recurring() -> list[Incident]:
    """The same alert, spread evenly from one day to another, at any hour."""
    incidents = []
    for row in table("stories")["recurring"]:
        first, last = _midnight(row["from"]), _midnight(row["to"])
        dice = Random(f"{SEED}/{row['key']}/{first}")
        typical = services()[row["service"]].minutes
        for index in range(row["times"]):
            at = first + (last - first) * index / (row["times"] - 1)
            at += timedelta(minutes=dice.randrange(36 * 60))
            one = row | {"id": f"{row['key']}/{first:%m}/{index}", "case": "recurring"}
            incidents.append(_incident(one, at, round(typical * dice.uniform(0.85, 1.25))))
    return incidents


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _awkward() -> list[Incident]:
    incidents = []
    for row in table("awkward")["incidents"]:
        for index in range(row.get("times", 1)):
            one = row if index == 0 else row | {"id": f"{row['id']}-{index}"}
            at = moment(row["at"]) + timedelta(minutes=index * row.get("every", 0))
            incidents.append(_incident(one, at, row["minutes"]))
    return incidents


def _background(service: Service) -> list[Incident]:
    """What happens to any service: no key in common, log-normal durations about the typical one."""
    dice = Random(f"{SEED}/background/{service.name}")
    before, inside = service.background
    spans = [(HISTORY_START, WINDOW_START, before), (WINDOW_START, EXPORTED_AT, inside)]
    incidents = []
    for start, stop, count in spans:
        for index in range(count):
            share = (index + dice.random()) / count * 0.96 + 0.01
            at = _working_day(start + (stop - start) * share, dice)
            minutes = service.minutes * min(max(dice.lognormvariate(0, 0.35), 0.5), 2.5)
            sev = SEVERITIES[dice.randrange(len(SEVERITIES))]
            row: dict[str, Any] = {
                "id": f"{service.name}/{start:%m}/{index}",
                "service": service.name,
                "title": f"{service.name}: {SYMPTOMS[dice.randrange(len(SYMPTOMS))]}",
                "sev": sev,
            }
            if sev >= 4 and dice.random() < 0.2:
                row |= {"ack": None}
            incidents.append(_incident(row, at, round(minutes)))
    return incidents


def _working_day(at: datetime, dice: Random) -> datetime:
    """Two in three incidents follow people: they move into the European working day."""
    if dice.random() < 0.65:
        return at.replace(
            hour=dice.randrange(7, 18), minute=dice.randrange(60), second=0, microsecond=0
        )
    return at.replace(second=0, microsecond=0)


def _duplicates(known: dict[str, Incident]) -> list[Incident]:
    """Copies in a second tool, opened and closed a little later than the original."""
    copies = []
    for tool, originals in table("awkward")["duplicates"].items():
        for name in originals:
            original = known[name]
            assert original.resolved is not None, f"{name}: duplicate of an open incident"
            dice = Random(f"{SEED}/duplicate/{tool}/{name}")
            created = original.created + timedelta(seconds=dice.randrange(120, 600))
            copies.append(
                Incident(
                    id=f"{name}@{tool}",
                    tool=tool,
                    service=original.service,
                    title=original.title,
                    sev=original.sev,
                    intervals=[
                        (created, original.resolved + timedelta(seconds=dice.randrange(300, 1500)))
                    ],
                    acked_at=created + timedelta(seconds=dice.randrange(60, 600)),
                    case="duplicate",
                    duplicate_of=original.vendor_id,
                )
            )
    return copies
