"""Which figures of an open epic are to be written anew."""

from __future__ import annotations

from orchestration.ledger import EpicRecord, Figures

NAMES = {
    "score": "score",
    "slo_burn": "peak burn rate",
}


def changed_figures(record: EpicRecord, now: Figures) -> dict[str, str]:
    """By name, what changed of the figures that are ours to write: `score 24 -> 27`.

    None where it isn't known what was written, since then nothing is.
    """
    if record.figures is None:
        return {}
    changes = {}
    for name, title in NAMES.items():
        old, new = getattr(record.figures, name), getattr(now, name)
        if old != new:
            changes[name] = f"{title} {_shown(old)} -> {_shown(new)}"
    return changes


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:,.12g}"
