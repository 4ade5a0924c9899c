"""Which figures of an open epic are to be written anew, and which are people's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from orchestration.ledger import EpicRecord
from orchestration.trackers.protocol import Figures

NAMES = {
    "score": "score",
    "slo_burn": "peak burn rate",
    "estimate_days": "estimate",
    "budget_usd": "budget",
}


def changed_figures(record: EpicRecord, now: Figures) -> dict[str, str]:
    """By name, what changed of the figures that are ours to write: `budget 4500 -> 5400`.

    None where it isn't known what was written, since then nothing is.
    """
    if record.figures is None:
        return {}
    changes = {}
    for name, title in NAMES.items():
        old, new = getattr(record.figures, name), getattr(now, name)
        if old != new and name not in record.edited:
            changes[name] = f"{title} {_shown(old)} -> {_shown(new)}"
    return changes


def written_figures(
    sent: Figures, before: Figures | None, edited: Collection[str]
) -> Figures | None:
    """The figures as paydown wrote them last, after `sent` met fields that people had edited."""
    if before is None:
        return None
    return replace(sent, **{name: getattr(before, name) for name in edited})


def remembered_edits(
    record: EpicRecord, edited: Iterable[str], told_now: Collection[str]
) -> Mapping[str, bool]:
    """The figures that people edited, each with whether the epic has said so."""
    return {name: record.edited.get(name, False) or name in told_now for name in sorted(edited)}


def named(names: Collection[str]) -> str:
    """Figures for people: `budget and estimate`."""
    titles = [NAMES.get(name, name) for name in sorted(names)]
    return " and ".join(filter(None, [", ".join(titles[:-1]), *titles[-1:]]))


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:,.12g}"
