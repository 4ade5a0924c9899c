"""SLO burn of the demo recomputed in plain Python from `raw`: measured, stated and estimated.

`burn_rate = error_ratio / (1 - slo)`, `budget_spent = burn_rate * window / period`; alerts are the
window pairs of the SRE workbook, both of which must exceed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from .oracle_incidents import AS_OF, Incident, Raw, seconds

DAY = timedelta(days=1)
# Long and short window in seconds and the threshold of 30 days, slowest first; rank 1 to 4.
ALERTS = ((259200, 21600, 1.0), (86400, 7200, 3.0), (21600, 1800, 6.0), (3600, 300, 14.4))
PERIOD = 30 * 86400
Piece = tuple[float, float, float]
# When it began, the rate that a postmortem states, for how many seconds it was active.
Stated = tuple[datetime, float, float]


@dataclass(frozen=True)
class Objective:
    """One objective; budget: the share that may fail. pieces: start, end and error ratio."""

    service: str
    name: str
    budget: float
    is_availability: bool
    windows: dict[int, dict[datetime, float]]
    pieces: list[Piece]


class Burn:
    """What the demo's files and Prometheus say of each objective."""

    def __init__(self, raw: Raw, names: dict[tuple[str, str], str]) -> None:
        documents = {(d["_source_file"], d["_line"]): d for d in raw.rows("slo__documents")}
        points: dict[str, dict[datetime, float]] = defaultdict(dict)
        for row in raw.rows("prometheus__samples"):
            points[row["series_id"]][row["sampled_at"]] = row["value"]
        windows: dict[tuple[str, str], dict[int, dict[datetime, float]]] = defaultdict(dict)
        for row in raw.rows("prometheus__series"):
            windows[row["service"], row["slo"]][row["window_seconds"]] = points[row["series_id"]]
        self.objectives = []
        for row in raw.rows("slo__entries"):
            document = documents[row["_source_file"], row["_line"]]
            name = row["name"] or document["name"]
            by_window = windows.get((document["service"], name), {})
            label = row["label_sli"] or row["label_category"] or ""
            self.objectives.append(
                Objective(
                    names["name", document["service"]], name, 1 - row["target_percent"] / 100,
                    label == "availability", by_window, _pieces(by_window),
                )
            )  # fmt: skip
        self.daily: dict[str, dict[date, tuple[float, int]]] = {}
        for one in self.objectives:
            if one.pieces:
                assert one.service not in self.daily, "two measured objectives of one service"
                self.daily[one.service] = _daily(one)

    def factor(
        self, service: str, stated: list[Stated], at: datetime, start: datetime
    ) -> tuple[float | None, int | None]:
        """The largest share of a budget that was spent, and the rank of the most urgent alert.

        Measured on the days of the window, else as stated of days on which nothing was measured.
        """
        last = at.date() - DAY if at.time() == time() else at.date()
        daily = self.daily.get(service, {})
        days = [found for day, found in daily.items() if start.date() <= day <= last]
        shares, ranks = [one for one, _ in days], [one for _, one in days]
        unmeasured = sorted(one for one in stated if one[0].date() not in daily)
        starts = [began for began, *_ in unmeasured]
        for began, rate, active in unmeasured:
            first = bisect_right(starts, began - timedelta(seconds=PERIOD))
            within = unmeasured[first : bisect_right(starts, began)]
            shares.append(sum(one * long for _, one, long in within) / PERIOD)
            fired = [
                rank for rank, (long, _, threshold) in enumerate(ALERTS, 1)
                if rate * min(active, long) >= threshold * long
            ]  # fmt: skip
            ranks.append(max(fired, default=0))
        return max(shares, default=None), max(ranks, default=None)

    def budgets(
        self, incidents: dict[str, list[tuple[Incident, float | None]]]
    ) -> dict[str, float | None]:
        """By objective the share of the budget spent in the period that ends at AS_OF.

        incidents: by service, each with the share of users that it hit.
        """
        end = seconds(AS_OF)
        start = end - PERIOD
        found: dict[str, float | None] = {}
        for one in self.objectives:
            known = [
                (max(a, start), b, share)
                for incident, share in incidents.get(one.service, [])
                if share is not None
                for a, b in incident.stretches()
                if b > start
            ]
            spent = None
            if one.pieces:
                spent = _burnt(one, start, end) / PERIOD
            elif one.is_availability and known:
                edges = sorted({edge for a, b, _ in known for edge in (a, b)})
                down = sum(
                    (b - a) * max((s for x, y, s in known if x <= a and y >= b), default=0)
                    for a, b in pairwise(edges)
                )
                spent = down / (one.budget * PERIOD)
            found[f"{one.service} > {one.name}"] = spent
        return found

    def spent_by(
        self, incident: Incident, service: str, share: float | None
    ) -> dict[str, float | None]:
        """By objective of the service: the share of its budget that went while it was active."""
        stretches = incident.stretches()
        active = sum(b - a for a, b in stretches)
        found: dict[str, float | None] = {}
        for one in self.objectives:
            if one.service != service:
                continue
            covered = sum(
                max(min(b, y) - max(a, x), 0) for a, b in stretches for x, y, _ in one.pieces
            )
            spent = None
            if covered:
                spent = sum(_burnt(one, a, b) for a, b in stretches) / PERIOD
            elif one.is_availability and share is not None and stretches:
                spent = share * active / (one.budget * PERIOD)
            found[f"{incident.id} > {one.service} > {one.name}"] = spent
        return found


def _pieces(windows: dict[int, dict[datetime, float]]) -> list[Piece]:
    """What each measurement of the shortest window adds to the one before."""
    found: list[Piece] = []
    if windows:
        shortest = min(windows)
        before = float("-inf")
        for at, value in sorted(windows[shortest].items()):
            if at <= AS_OF:
                end = seconds(at)
                found.append((max(end - shortest, before), end, value))
                before = end
    return found


def _burnt(one: Objective, start: float, end: float) -> float:
    """Seconds at burn rate 1 that a stretch of time burnt."""
    return sum(
        max(min(end, b) - max(start, a), 0) * ratio / one.budget for a, b, ratio in one.pieces
    )


def _daily(one: Objective) -> dict[date, tuple[float, int]]:
    """By day: what was spent in the 30 days that end with it, and the alert that fired."""
    burnt: dict[date, float] = defaultdict(float)
    for start, end, ratio in one.pieces:
        at = start
        while at < end:
            until = min(end, (at // 86400 + 1) * 86400)
            burnt[date(1970, 1, 1) + DAY * int(at // 86400)] += (until - at) * ratio / one.budget
            at = until
    fired: dict[date, int] = defaultdict(int)
    for rank, (long, short, threshold) in enumerate(ALERTS, 1):
        for at, value in one.windows.get(long, {}).items():
            other = one.windows.get(short, {}).get(at, 0.0)
            if min(value, other) / one.budget > threshold:
                fired[at.date()] = max(fired[at.date()], rank)
    return {
        day: (sum(burnt.get(day - n * DAY, 0.0) for n in range(30)) / PERIOD, fired[day])
        for day in burnt
    }
