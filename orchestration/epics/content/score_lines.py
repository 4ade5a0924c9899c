"""The lines in which the mart tells a score, taken apart: factors, and what moved them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestration.epics.candidates import Candidate
from orchestration.trackers.text import one_line

_FACTOR = re.compile(r"(\w+): (-?[\d.]+) of (-?[\d.]+) points?(?:,\s*|$)(.*)")
_NO_DATA = re.compile(r"(\w+): no data for its (-?[\d.]+) points?")
_CHANGE = re.compile(r"([+-]\d+) (\w+): (.*)")


@dataclass(frozen=True)
class Factor:
    """One factor of a score; numbers as text, empty where there are none."""

    name: str
    points: str
    most: str
    delta: str
    evidence: str


def factors(candidate: Candidate) -> tuple[Factor, ...]:
    """All factors, in the mart's order; a line that can't be taken apart is evidence whole."""
    deltas = {}
    for line in map(one_line, candidate.factor_changes):
        if change := _CHANGE.fullmatch(line):
            deltas[change[2]] = change[1]
    return tuple(_factor(line, deltas) for line in map(one_line, candidate.reasons) if line)


def _factor(line: str, deltas: dict[str, str]) -> Factor:
    if match := _FACTOR.fullmatch(line):
        name, points, most, evidence = match.groups()
        return Factor(_words(name), points, most, deltas.get(name, ""), evidence)
    if match := _NO_DATA.fullmatch(line):
        return Factor(_words(match[1]), "", match[2], deltas.get(match[1], ""), "no data")
    return Factor("", "", "", "", line)


def _words(name: str) -> str:
    return name.replace("_", " ")
