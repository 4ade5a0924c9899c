"""What an epic says, section by section, as Markdown, and what a change to it says.

Written to be read in a few minutes: what is asked of whom by when, why, and when it is done.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from orchestration.epics.candidates import Candidate, Source
from orchestration.epics.playbooks import Playbooks
from orchestration.ledger import Evidence
from orchestration.trackers.protocol import EpicDraft
from orchestration.trackers.text import escape_markdown, one_line, web_address

LABEL = "incident-modernization"
TITLE_LIMIT = 250  # Jira and Azure DevOps take 255 characters.
_SLUG_LIMIT = 40
# More would be a wall; the tools have them all.
_SHOWN = 10
_WINDOWS = {
    "maintenance": "in an agreed maintenance window",
    "canary": "by a canary",
    "feature_flags": "behind a feature flag",
    "none": "at any time",
}
# The mart's lines about a factor, and about what moved it.
_FACTOR = re.compile(r"(\w+): (-?[\d.]+) of (-?[\d.]+) points?(?:,\s*|$)(.*)")
_NO_DATA = re.compile(r"(\w+): no data for its (-?[\d.]+) points?")
_CHANGE = re.compile(r"([+-]\d+) (\w+): .*")


def epic_key(service_id: str, cycle: int) -> str:
    """The deterministic key of a service's epic, safe as a label and as a file name.

    The slug is for people, and comes from the last segment of the id because names change; the
    hash of the whole id keeps services apart.
    """
    hashed = hashlib.sha256(service_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"paydown-{slug(service_id)}-{hashed[:8]}-c{cycle}"


def slug(service_id: str) -> str:
    """The last segment of an id, as people and machines can both write it."""
    for part in (service_id.rsplit("/", 1)[-1], service_id):
        ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
        found = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower())[:_SLUG_LIMIT].strip("-")
        if found:
            return found
    return "service"


def draft_epic(
    candidate: Candidate,
    playbooks: Playbooks,
    *,
    key: str,
    previous_key: str | None,
    now: datetime,
) -> EpicDraft:
    """The epic to open for a candidate; ValueError if it has no due date."""
    if candidate.due_date is None:
        raise ValueError(f"{candidate.service_id!r} has no due date")
    service = one_line(candidate.name, 200)
    goal = f" to {one_line(candidate.target_maturity, 20)}" if candidate.target_maturity else ""
    return EpicDraft(
        key=key,
        title=one_line(f"Modernize {service}{goal}", TITLE_LIMIT),
        body="\n\n".join(_epic_blocks(candidate, previous_key, playbooks)),
        service_id=one_line(candidate.service_id),
        service=service,
        members=_clean(candidate.members),
        owner=one_line(candidate.owner),
        due_date=candidate.due_date,
        score=candidate.score,
        slo_burn=candidate.slo_burn,
        estimate_days=candidate.estimate_days,
        budget_usd=candidate.budget_usd,
        current_maturity=one_line(candidate.current_maturity),
        target_maturity=one_line(candidate.target_maturity),
        band=one_line(candidate.band),
        rubric_hash=one_line(candidate.rubric_hash),
        scoring_date=candidate.scoring_date,
        risk_ids=_clean(candidate.risk_ids),
        change_window=candidate.change_window if candidate.change_window != "none" else "",
        labels=(LABEL, key),
        project_key=one_line(candidate.project_key),
        opened_at=now,
        previous_key=previous_key,
    )


def facts(candidate: Candidate, *, is_story: bool = False) -> str:
    """Who, when, how much and how, one line each; what is not known is left out.

    A story says only what holds for it as well as for the whole epic.
    """
    days = f"{candidate.estimate_days:g} engineer-days" if candidate.estimate_days else ""
    money = f"${candidate.budget_usd:,.0f}" if candidate.budget_usd is not None else ""
    level = " to ".join(filter(None, [candidate.current_maturity, candidate.target_maturity]))
    chart = one_line(candidate.slo_chart_url, 2000)
    epic_only = [
        ("Budget", escape_markdown(", ".join(filter(None, [days, money])))),
        ("Maturity", escape_markdown(level)),
        ("Risk register", escape_markdown(", ".join(candidate.risk_ids))),
    ]
    lines = [
        ("Owner", escape_markdown(candidate.owner)),
        ("Due", f"{candidate.due_date:%Y-%m-%d}" if candidate.due_date else ""),
        *([] if is_story else epic_only),
        ("Services", escape_markdown(", ".join(candidate.members))),
        ("Goes live", _WINDOWS.get(candidate.change_window, "")),
        ("SLO", link("chart", chart) if chart else ""),
    ]
    return _bullets(f"**{name}**: {value}" for name, value in lines if value)


def change_body(
    candidate: Candidate, said: Evidence | None, shared: tuple[str, str] | None = None
) -> str:
    """The comment for an epic that so far says `said` (None: not known).

    shared: key and address of the epic of a shared fix, to point to.
    """
    now_ids, said_ids = set(candidate.incident_ids), set(said.incident_ids if said else ())
    by_id = {source.id: source for source in candidate.incident_links}
    new = [by_id.get(key, Source(key)) for key in sorted(now_ids - said_ids)]
    gone = [Source(key) for key in sorted(said_ids - now_ids)]
    items = _bullets(
        [
            *_some("New incident", new),
            *_some("No longer in the window", gone),
            *_escaped(candidate.factor_changes),
        ]
    )
    parts = [escape_markdown(_headline(candidate, said)), items]
    if shared:
        parts.append(f"One change serves this service and others: {link(*shared)}")
    return "\n\n".join(filter(None, parts))


def closing_body(reason: str) -> str:
    """The comment for an epic or a story that is closed as hygiene."""
    return escape_markdown(
        f"Closed as hygiene: {reason}, and nobody has worked on this. An incident that brings "
        "the service above the band again opens a new epic."
    )


def link(text: str, url: str) -> str:
    """`text` linked to `url`; beside it where that is no web address."""
    address = web_address(url)
    if address:
        return f"[{escape_markdown(text)}](<{address}>)"
    return (
        f"{escape_markdown(text)}: {escape_markdown(url, 2000)}" if url else escape_markdown(text)
    )


def code(value: object) -> str:
    """`value` as inline code."""
    return f"`{one_line(value, 200).replace('`', chr(39))}`"


def _epic_blocks(c: Candidate, previous_key: str | None, playbooks: Playbooks) -> Iterator[str]:
    yield escape_markdown(_summary(c), 1000)
    if previous_key:
        yield f"An earlier epic was closed and did not hold: {code(previous_key)}"
    yield facts(c)
    yield "## Done means"
    yield "\n".join(
        f"- [ ] {line}"
        for line in [
            *_escaped(c.exit_criteria),
            "Four weeks without a repeat of the incidents below",
        ]
    )
    goal = one_line(c.target_maturity, 100) or "its target maturity"
    yield escape_markdown(
        f"With all boxes ticked it is at {goal}. {one_line(c.owner, 100)} closes the epic in the "
        "weekly review; if an incident comes back afterwards, a new epic opens and names this one."
    )
    yield f"## Why: score {c.score}"
    if c.reasons:
        yield _factor_table(c)
    yield (
        f"{c.coverage:.0%} of the weight rests on data. Scored on {c.scoring_date:%Y-%m-%d} by "
        f"rubric {code(c.rubric_hash)}."
    )
    if c.factor_changes:
        yield "What moved in seven days:"
        yield _bullets(_escaped(c.factor_changes))
    yield "## Work"
    if c.fix_classes:
        yield "One story each, with its playbook:"
        yield _bullets(_work(c, playbooks))
    else:
        yield "No postmortem names a fix class yet: the owner's first task is to name it."
    yield "## Incidents"
    yield _bullets(map(_linked, c.incident_links[:_SHOWN])) or "None in the window."
    if c.incident_links and (rest := c.incident_count - len(c.incident_links[:_SHOWN])) > 0:
        yield f"The newest first; {rest} more in the window."
    if c.postmortem_links:
        yield "## Postmortems"
        yield _bullets(map(_linked, c.postmortem_links))


def _summary(c: Candidate) -> str:
    count = c.incident_count
    about = f"one change for {len(c.members)} services, " if c.members else ""
    counted = f"{count} incident{'' if count == 1 else 's'} in the scoring window"
    burn = "" if c.slo_burn is None else f", peak burn rate {c.slo_burn:.3g}"
    moved = "as seven days ago" if c.score_delta == 0 else f"{c.score_delta or 0:+d} in seven days"
    if c.score_delta is None:
        moved = "with nothing to compare it with yet"
    above = ", which is above the band from which work is planned instead of patched"
    return (
        f"{one_line(c.name, 200)}: {about}{counted}{burn}. It scores {c.score}, {moved}"
        f"{above if c.band == 'promote_to_epic' else ''}."
    )


def _factor_table(c: Candidate) -> str:
    deltas = {match[2]: match[1] for line in c.factor_changes if (match := _CHANGE.match(line))}
    rows = [("Factor", "Points", "Of", "7 days", "Evidence"), ("---",) * 5]
    for line in map(one_line, c.reasons):
        if match := _FACTOR.fullmatch(line):
            name, points, most, evidence = match.groups()
        elif match := _NO_DATA.fullmatch(line):
            name, points, most, evidence = match[1], "", match[2], "no data"
        else:
            name, points, most, evidence = "", "", "", line
        words = escape_markdown(name.replace("_", " "))
        rows.append((words, points, most, deltas.get(name, ""), escape_markdown(evidence)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _work(c: Candidate, playbooks: Playbooks) -> Iterator[str]:
    for fix_class in c.fix_classes:
        titles = [p.header.title for p in playbooks.of(fix_class, c.change_window)]
        name = escape_markdown(fix_class.replace("_", " "))
        yield f"**{name}**: {escape_markdown('; '.join(titles) or 'no playbook')}"


def _headline(candidate: Candidate, said: Evidence | None) -> str:
    band = candidate.band.replace("_", " ")
    if said is None:
        return f"Score {candidate.score}, band {band}."
    score = f"Score {candidate.score}"
    if said.score != candidate.score:
        score += f", was {said.score}"
    if said.slo_burn != candidate.slo_burn and candidate.slo_burn is not None:
        score += f"; peak burn rate {candidate.slo_burn:.3g}"
    if said.band == candidate.band:
        return f"{score}."
    return f"{score}; band {band}, was {said.band.replace('_', ' ')}."


def _some(label: str, sources: Sequence[Source]) -> Iterator[str]:
    for source in sources[:_SHOWN]:
        yield f"{label}: {_linked(source)}"
    if len(sources) > _SHOWN:
        yield f"{label}: {len(sources) - _SHOWN} more"


def _linked(source: Source) -> str:
    """An incident or a postmortem: its title, linked where it has an address, and its id."""
    title = one_line(source.title, 200)
    if not title:
        return link(one_line(source.id, 200), source.url)
    return f"{link(title, source.url)} {code(source.id)}"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _escaped(lines: Iterable[str]) -> list[str]:
    return [line for line in map(escape_markdown, lines) if line]


def _clean(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(item for item in map(one_line, items) if item)
