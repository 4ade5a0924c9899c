"""Values of marts in the words of the page, and text from outside cut to fit a line."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from orchestration.report.marts import Row
from orchestration.trackers.text import one_line, web_address

TEXT_LIMIT = 160
MONEY = re.compile(r"\$(\d{4,12})\b")


def incident(row: Row, addresses: dict[str, int]) -> list[Any]:
    """An incident for the script; `addresses`: beginnings of web addresses, each once."""
    folder, slash, name = web(row["incident_url"]).rpartition("/")
    return [
        day(row["triggered_on"]), row["severity_level"], row["minutes"],
        short(row["incident_title"] or row["incident_id"]),
        addresses.setdefault(folder + slash, len(addresses)), name,
        int(bool(row["is_repeat"])), int(row["postmortem_id"] is not None),
    ]  # fmt: skip


def payback(row: Row) -> str:
    """What an earlier epic returned, in words."""
    counts = f"{row['before_count']} incidents before"
    if row["after_days"] is not None:
        counts += f", {row['after_count']} after (expected {row['expected_count']:.1f})"
    return f"{short(row['epic_title'])}, opened {day(row['opened_on'])}: {row['verdict']}; {counts}"


def price(row: Row | None) -> str:
    """What saying no keeps costing, judged by the last 90 days."""
    return f"The last 90 days cost {cost(row)}." if row else "No incident in the last 90 days."


def cost(row: Row | None) -> str:
    """What the last 90 days cost, as far as it is known."""
    if not row:
        return "no incident"
    hours = "an unknown time" if row["hours"] is None else f"{row['hours']:,.1f} hours"
    lost = f", {money(row['revenue_usd'])} lost as postmortems state" if row["revenue_usd"] else ""
    count = f"{row['incidents']} incidents ({row['repeats']} repeats)"
    return f"{count}, {hours}{lost}"


def action(row: Row) -> str:
    """An action item in words, with its owner and how late it is."""
    facts = [
        row["owner"] or "no owner",
        f"due {day(row['due_on'])}" if row["due_on"] else "no date",
        f"{row['overdue_days']} days late" if row["is_overdue"] else "",
        row["ticket_ref"] or "no ticket",
    ]
    return short(f"{short(row['action_item_title'])} ({', '.join(filter(None, facts))})", 260)


def day(value: date | datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d}"


def money(value: float | None) -> str:
    return "" if value is None else f"{'-' if value < 0 else ''}${abs(value):,.0f}"


def figure(value: float) -> str:
    """A number with its significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def web(value: str | None) -> str:
    """The address if it is http(s); no other kind may become a link."""
    return web_address(value or "") or ""


def short(value: str | None, limit: int = TEXT_LIMIT) -> str:
    """Text from outside on one line, cut if it is long; dollars as people write them."""
    return one_line(MONEY.sub(lambda found: f"${int(found[1]):,}", value or ""), limit)


# What an opened service also shows: heading, query, text of a row, text if there is none.
MORE = (
    ("Open action items", "actions", action, "No action item of its postmortems is open."),
    ("Earlier epics", "payback", payback, "No epic of this service was opened before."),
)
