"""The Friday digest: the page in a dozen lines, for a channel or as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.report.marts import QUERIES, Row, read_marts
from orchestration.report.words import day, money, short, web
from orchestration.trackers.text import escape_markdown

SHOWN = 5


@dataclass(frozen=True)
class Digest:
    """One digest. week: as 2026-W26. items: heading -> plain text, in reading order."""

    week: str
    title: str
    items: dict[str, str]

    @property
    def markdown(self) -> str:
        """The digest as Markdown; text from outside is never markup."""
        parts = [f"# {_literal(self.title)}"]
        for heading, text in self.items.items():
            lines = "\n".join(f"- {_literal(line)}" for line in text.splitlines())
            parts.append(f"## {_literal(heading)}\n\n{lines}")
        return "\n\n".join(parts) + "\n"


def weekly_digest(con: duckdb.DuckDBPyConnection) -> Digest:
    """The digest for the week of the newest scores in the published marts."""
    marts = read_marts(con, QUERIES)
    today: date = marts["moment"][0]["scoring_date"]
    year, week, _ = today.isocalendar()
    promises = marts["promises"]
    overdue = [one for one in promises if one["is_overdue"]]
    opened = [one for one in promises if one["is_new"] or one["changed"] == "opened this week"]
    week_ago = today.toordinal() - 7
    funded = [
        one
        for one in marts["funding"]
        if one["decision"] == "approved" and one["decided_on"].toordinal() > week_ago
    ]
    closed = [one for one in marts["closed_epics"] if one["closed_on"].toordinal() > week_ago]
    parts = {
        "Overdue promises": [
            f"{_named(one)}: due {day(one['due_date'])}, {one['days_over']} days over"
            for one in overdue
        ] or ["none"],
        **{
            f"{place}. {short(one['service_name'], 60)}, {one['score']} points{one['could_be']}": [
                _ranked(one)
            ]
            for place, one in enumerate(marts["digest_top"], start=1)
        },
        "Promoted this week": [
            f"{_named(one)}: due {day(one['due_date']) or 'unknown'}, {money(one['budget_usd'])}"
            for one in opened
        ] or ["nothing"],
        "Funded this week": [
            f"{short(one['service_name'])}: {money(one['amount_usd'])}"
            f" by {short(one['decided_by']) or 'unknown'}"
            for one in funded
        ] or ["nothing was approved in prioritized.yaml"],
        "Delivered, simplified, deleted: thank you": [
            f"{short(one['epic_title'])} ({short(one['owner']) or 'no owner'})" for one in closed
        ],
        "Follow-ups due": [
            f"{short(one['owner']) or 'nobody'}: {short(one['action_item_title'])}, due "
            + ("today" if one["is_today"] else "tomorrow")
            for one in marts["follow_ups"]
        ],
    }  # fmt: skip
    items = {
        heading: "\n".join(
            [*lines[:SHOWN], *([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])]
        )
        for heading, lines in parts.items()
        if lines
    }
    return Digest(f"{year}-W{week:02}", f"Modernization digest, week {week} of {year}", items)


def _named(row: Row) -> str:
    return f"{short(row['epic_title'])} ({short(row['owner']) or 'no owner'})"


def _ranked(row: Row) -> str:
    """A candidate in a line: movement with its cause, decision, owner, due, chart."""
    moved = row["score_delta"] or 0
    cause = short((row["factor_changes"] or "").split("\n")[0], 120)
    facts = [
        f"{moved:+d} in 7 days" + (f" ({cause})" if cause else "") if moved else "unchanged",
        str(row["decision"]),
        f"owner {short(row['owner'])}" if row["owner"] else "no owner",
        f"due {day(row['due_date'])}" if row["due_date"] else "",
        web(row["slo_chart_url"]),
    ]
    return ", ".join(filter(None, facts))


def _literal(line: str) -> str:
    """A line that Markdown shows literally and that mentions nobody; addresses stay links."""
    return " ".join(
        word if web(word) == word else escape_markdown(word).replace("@", "\\@")
        for word in line.split(" ")
    )
