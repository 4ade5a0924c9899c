"""Values of a definition of objectives, read one by one; what is wrong with them is collected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeGuard

from orchestration.documents.fields import Reading
from orchestration.documents.yaml_lines import Location

MAX_TEXT = 10_000
IndicatorKind = Literal["availability", "latency", "error_rate"]
# Of months and quarters the mean length, as calendars have no other.
DAYS = {"h": 1 / 24, "d": 1, "w": 7, "M": 365.25 / 12, "Q": 365.25 / 4, "Y": 365.25}
_DURATION = re.compile(r"([1-9]\d{0,4})([hdwMQY])")
_KINDS: dict[IndicatorKind, re.Pattern[str]] = {
    "latency": re.compile(r"latenc|duration|response.?time|slow|fast|quick|speed|\bp\d\d", re.I),
    "error_rate": re.compile(r"error.?(?:rate|ratio|free)|\berrors?\b|fail", re.I),
    "availability": re.compile(r"availab|uptime|success|reachab|health", re.I),
}


def indicator_kind(
    labels: Mapping[str, Any], name: str, indicator: str, *, has_threshold: bool
) -> IndicatorKind:
    """What is measured: a label says (`sli`, `category`, `indicator`), else the name, else the
    indicator's text. An objective with a threshold is one of time. Availability where nothing
    tells."""
    said = " ".join(str(labels.get(key, "")) for key in ("sli", "category", "indicator"))
    for text in (said, name):
        for kind, pattern in _KINDS.items():
            if pattern.search(text):
                return kind
    if has_threshold or _KINDS["latency"].search(indicator):
        return "latency"
    return "availability"


class Fields(Reading):
    """One definition."""

    def text(self, *place: str) -> str | None:
        return self._text(place, self.at(*place))

    def required(self, *place: str) -> str | None:
        value = self.text(*place)
        if value is None and not any(problem.field == ".".join(place) for problem in self.problems):
            self.problem(place, None, "is missing", "add the key")
        return value

    def entry_text(
        self, at: Location, entry: Mapping[str, Any], key: str, *, is_required: bool = False
    ) -> str | None:
        """A text of one entry of a list."""
        found = len(self.problems)
        value = self._text((*at, key), entry.get(key))
        if value is None and is_required and len(self.problems) == found:
            self.problem((*at, key), None, "is missing", "add the key")
        return value

    def mapping(self, *place: str) -> dict[str, Any]:
        value = self.at(*place)
        if value is not None and not isinstance(value, dict):
            fix = "write `key: value` lines, indented below it"
            self.problem(place, value, "is not a mapping", fix)
        return value if isinstance(value, dict) else {}

    def entries(self, *place: str) -> list[dict[str, Any]]:
        """The mappings of a list that must hold at least one."""
        value = self.at(*place)
        if not isinstance(value, list) or not value:
            what = "is missing" if value is None else "is not a list with entries"
            self.problem(place, value, what, "write one `- key: value` entry per objective")
            return []
        for position, entry in enumerate(value):
            if not isinstance(entry, dict):
                fix = "write `key: value` lines, indented below it"
                self.problem((*place, position), entry, "is not a mapping", fix)
        return [entry if isinstance(entry, dict) else {} for entry in value]

    def target(self, at: Location, objective: Mapping[str, Any]) -> float | None:
        """OpenSLO's `target` (0.999) or `targetPercent` (99.9), as a ratio."""
        if "targetPercent" in objective:
            return self.percent((*at, "targetPercent"), objective["targetPercent"])
        value = objective.get("target")
        if not _is_number(value) or not 0 < value <= 1:
            what = "is missing" if value is None else "is not above 0 and up to 1"
            fix = "write a ratio such as 0.999, or targetPercent: 99.9"
            self.problem((*at, "target"), value, what, fix)
            return None
        return float(value)

    def percent(self, at: Location, value: Any) -> float | None:
        """A percentage, as a ratio."""
        if not _is_number(value) or not 0 < value <= 100:
            what = "is missing" if value is None else "is not a percentage above 0 and up to 100"
            self.problem(at, value, what, "write a number such as 99.9")
            return None
        # 99.9 / 100 would be 0.9990000000000001.
        return round(value / 100, 12)

    def time_window(self, *place: str) -> tuple[float | None, bool | None]:
        """OpenSLO's window in days, and whether it rolls; it is a list of one."""
        value = self.at(*place)
        window = value[0] if isinstance(value, list) and len(value) == 1 else value
        if window is None:
            return None, None
        at: Location = (*place, 0) if isinstance(value, list) else place
        if not isinstance(window, dict):
            fix = "write one entry, such as - {duration: 28d, isRolling: true}"
            self.problem(place, None, "is not a list of one window", fix)
            return None, None
        duration = window.get("duration")
        match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
        if match is None:
            fix = "write a number and one of h, d, w, M, Q, Y, such as 28d"
            self.problem((*at, "duration"), duration, "is not a duration", fix)
            return None, None
        rolling = window.get("isRolling", "calendar" not in window)
        if not isinstance(rolling, bool):
            self.problem((*at, "isRolling"), rolling, "is neither true nor false", "write one")
            return None, None
        return round(int(match[1]) * DAYS[match[2]], 6), rolling

    def _text(self, at: Location, value: Any) -> str | None:
        if isinstance(value, (dict, list)):
            self.problem(at, value, "is not text", "write one line of text")
            return None
        text = None if value is None else str(value).strip()
        if text and len(text) > MAX_TEXT:
            self.problem(at, text, f"is longer than {MAX_TEXT:,} characters", "shorten it")
            return None
        return text or None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
