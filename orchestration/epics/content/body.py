"""The body of an epic, section by section, as blocks that every tracker can render.

Written to be read in a few minutes: what is asked of whom by when, why, and when it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestration.epics.candidates import Candidate, Source
from orchestration.epics.content.playbooks import Playbooks
from orchestration.epics.content.score_lines import factors
from orchestration.trackers.document import (
    Block,
    Bullets,
    Checklist,
    Document,
    Heading,
    Paragraph,
    Span,
    Spans,
    Table,
    spans,
)
from orchestration.trackers.text import one_line

# More would be a wall; the tools have them all.
_SHOWN_INCIDENTS = 10
_WINDOWS = {
    "maintenance": "in an agreed maintenance window",
    "canary": "by a canary",
    "feature_flags": "behind a feature flag",
    "none": "at any time",
}


def epic_body(candidate: Candidate, previous_key: str | None, playbooks: Playbooks) -> Document:
    """What an epic for `candidate` says; `previous_key` names the one that did not hold."""
    return (
        Paragraph(spans(_summary(candidate))),
        *_earlier(previous_key),
        facts(candidate),
        Heading("Done means"),
        *_done(candidate),
        Heading(f"Why: score {candidate.score}"),
        *_why(candidate),
        Heading("Work"),
        *_work(candidate, playbooks),
        Heading("Incidents"),
        *_incidents(candidate),
        *_section("Postmortems", candidate.postmortem_links),
    )


def facts(candidate: Candidate, *, is_story: bool = False) -> Bullets:
    """Who, when, how much and how, one line each; what is not known is left out.

    A story says only what holds for it as well as for the whole epic.
    """
    days = f"{candidate.estimate_days:g} engineer-days" if candidate.estimate_days else ""
    money = f"${candidate.budget_usd:,.0f}" if candidate.budget_usd is not None else ""
    level = " to ".join(filter(None, [candidate.current_maturity, candidate.target_maturity]))
    epic_only: list[tuple[str, Spans]] = [
        ("Budget", spans(", ".join(filter(None, [days, money])))),
        ("Maturity", spans(one_line(level))),
        ("Risk register", spans(", ".join(map(one_line, candidate.risk_ids)))),
    ]
    rows = [
        ("Owner", spans(one_line(candidate.owner))),
        ("Due", spans(f"{candidate.due_date:%Y-%m-%d}" if candidate.due_date else "")),
        *([] if is_story else epic_only),
        ("Services", spans(", ".join(map(one_line, candidate.members)))),
        ("Goes live", spans(_WINDOWS.get(candidate.change_window, ""))),
        ("SLO", _chart(candidate.slo_chart_url)),
    ]
    return Bullets(
        tuple((Span(name, is_strong=True), Span(": "), *value) for name, value in rows if value)
    )


def linked(source: Source) -> Spans:
    """An incident or a postmortem: its title, linked where it has an address, and its id."""
    source_id, title = one_line(source.id, 200), one_line(source.title, 200)
    address = one_line(source.url, 2000)
    if not title:
        return spans(source_id, address)
    return (Span(title, address), Span(" "), Span(source_id, is_code=True))


def _summary(candidate: Candidate) -> str:
    name = one_line(candidate.service_name, 200)
    count = candidate.incident_count
    counted = f"{count} incident{'' if count == 1 else 's'} in the scoring window"
    burn = "" if candidate.slo_burn is None else f", peak burn rate {candidate.slo_burn:.3g}"
    about = f"one change for {len(candidate.members)} services" if candidate.members else ""
    return f"{name}: {', '.join(filter(None, [about, counted]))}{burn}. " + (
        f"It scores {candidate.score}, {_points(candidate.score_delta)}, which is above the band "
        "from which work is planned instead of patched."
        if candidate.band == "promote_to_epic"
        else f"It scores {candidate.score}, {_points(candidate.score_delta)}."
    )


def _points(delta: int | None) -> str:
    if delta is None:
        return "with nothing to compare it with yet"
    return f"{delta:+d} in seven days" if delta else "as seven days ago"


def _earlier(previous_key: str | None) -> Iterable[Block]:
    if previous_key:
        earlier = Span("An earlier epic was closed and did not hold: ")
        yield Paragraph((earlier, Span(previous_key, is_code=True)))


def _done(candidate: Candidate) -> Iterable[Block]:
    goal = one_line(candidate.target_maturity, 100) or "its target maturity"
    owner = one_line(candidate.owner, 100)
    yield Checklist(
        (
            *_items(candidate.exit_criteria),
            spans("Four weeks without a repeat of the incidents below"),
        )
    )
    yield Paragraph(
        spans(
            f"With all boxes ticked it is at {goal}. {owner} closes the epic in the weekly "
            "review; if an incident comes back afterwards, a new epic opens and names this one."
        )
    )


def _why(candidate: Candidate) -> Iterable[Block]:
    rows = tuple(
        tuple(spans(cell) for cell in (f.name, f.points, f.most, f.delta, f.evidence))
        for f in factors(candidate)
    )
    if rows:
        yield Table(("Factor", "Points", "Of", "7 days", "Evidence"), rows)
    yield Paragraph(
        (
            Span(
                f"{candidate.coverage:.0%} of the weight rests on data. Scored on "
                f"{candidate.scoring_date:%Y-%m-%d} by rubric "
            ),
            Span(one_line(candidate.rubric_hash), is_code=True),
            Span("."),
        )
    )
    if changes := _items(candidate.factor_changes):
        yield Paragraph(spans("What moved in seven days:"))
        yield Bullets(changes)


def _work(candidate: Candidate, playbooks: Playbooks) -> Iterable[Block]:
    items = []
    for fix_class in candidate.fix_classes:
        titles = [p.header.title for p in playbooks.of(fix_class, candidate.change_window)]
        name = one_line(fix_class.replace("_", " "))
        items.append((Span(name, is_strong=True), Span(f": {'; '.join(titles) or 'no playbook'}")))
    if items:
        yield Paragraph(spans("One story each, with its playbook:"))
        yield Bullets(tuple(items))
    else:
        yield Paragraph(
            spans("No postmortem names a fix class yet: the owner's first task is to name it.")
        )


def _incidents(candidate: Candidate) -> Iterable[Block]:
    shown = candidate.incident_links[:_SHOWN_INCIDENTS]
    if not shown:
        yield Paragraph(spans("None in the window."))
        return
    yield Bullets(tuple(linked(source) for source in shown))
    if (rest := candidate.incident_count - len(shown)) > 0:
        yield Paragraph(spans(f"The newest first; {rest} more in the window."))


def _section(title: str, sources: Sequence[Source]) -> Iterable[Block]:
    if sources:
        yield Heading(title)
        yield Bullets(tuple(linked(source) for source in sources))


def _chart(url: str) -> Spans:
    address = one_line(url, 2000)
    return spans("chart", address) if address else ()


def _items(items: Iterable[str]) -> tuple[Spans, ...]:
    return tuple(line for line in (spans(one_line(item)) for item in items) if line)
