"""What the tables describe, before any vendor's shape is put on it.

Every identifier is a hash of a name, so adding a row to a table changes no other row's ids.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SEED = "paydown-samples-1"
HISTORY_START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 6, 26, 16, tzinfo=UTC)
WINDOW_START = AS_OF - timedelta(days=90)
EXPORTED_AT = datetime(2026, 6, 26, 15, 30, tzinfo=UTC)
"""When the newest exports were taken: nothing in them is later."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def hexdigest(*parts: str, length: int = 32) -> str:
    """A stable hexadecimal id, at most 64 characters."""
    return hashlib.sha256("/".join((SEED, *parts)).encode()).hexdigest()[:length]


def code(prefix: str, *parts: str, length: int) -> str:
    """A stable upper-case id as PagerDuty writes them, e.g. `PIJ90N7` or `Q02JTSNZWHSEKV`."""
    number = int(hexdigest(*parts, length=64), 16)
    digits = ""
    while len(digits) < length - len(prefix):
        number, rest = divmod(number, len(_ALPHABET))
        digits += _ALPHABET[rest]
    return prefix + digits


def guid(*parts: str) -> str:
    """A stable UUID as Opsgenie writes them."""
    return str(uuid.UUID(hexdigest(*parts)))


def iso(moment: datetime, *, millis: bool = False) -> str:
    """UTC as the vendors write it: `2026-01-01T00:00:00Z`, or with three decimals."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (".000Z" if millis else "Z")


@dataclass(frozen=True)
class Team:
    """A Backstage Group that is paged through one tool."""

    name: str
    title: str
    time_zone: str
    tool: str


@dataclass(frozen=True)
class Service:
    """A component of the catalog and what its history looks like.

    `no_tool_id` and `no_servicenow_id` leave the matching annotation out of the catalog, so that
    only the name or an alias (`tool_name`, what the paging tool calls it) ties incidents to it.
    """

    name: str
    title: str
    system: str
    tool: str
    depends_on: list[str]
    background: list[int]
    minutes: int
    team: str | None = None
    maturity: str | None = None
    kubernetes_id: str | None = None
    tool_name: str | None = None
    no_tool_id: bool = False
    no_servicenow_id: bool = False
    revenue_per_hour: int | None = None
    aliases: list[str] = field(default_factory=list)
    provides: list[str] = field(default_factory=list)
    consumes: list[str] = field(default_factory=list)


@dataclass
class Incident:
    """One incident in one tool.

    `intervals` are the times it was open; the last one has no end while it still is.
    """

    id: str
    tool: str
    service: str | None
    title: str
    sev: int
    intervals: list[tuple[datetime, datetime | None]]
    acked_at: datetime | None
    case: str = "background"
    key: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    label_tags: bool = False
    into: str | None = None
    duplicate_of: str | None = None
    triggered_on: str | None = None
    edited_at: datetime | None = None
    number: int = 0

    @property
    def created(self) -> datetime:
        """First trigger."""
        return self.intervals[0][0]

    @property
    def resolved(self) -> datetime | None:
        """Last resolve, None while open."""
        return self.intervals[-1][1]

    @property
    def opsgenie_id(self) -> str:
        """Opsgenie's incident id."""
        return guid("opsgenie", self.id)

    @property
    def pagerduty_id(self) -> str:
        """PagerDuty's incident id."""
        return code("Q", "pagerduty", self.id, length=14)

    @property
    def vendor_id(self) -> str:
        """The id under which the incident's own tool knows it (ServiceNow: its number)."""
        if self.tool == "pagerduty":
            return self.pagerduty_id
        return self.opsgenie_id if self.tool == "opsgenie" else f"INC{self.number:07d}"
