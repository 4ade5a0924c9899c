"""Which records still exist: nothing else tells that one was deleted.

Alerts are swept by calendar month (UTC): a closed month of which Opsgenie counts as many alerts as
were there last time is not read again. Incidents are few and have no count: all are listed. The
ids land in snapshot files, and `sweeps` says which span of `createdAt` they speak for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors.opsgenie.api import ALERTS, Api, Json, Place, instant, milliseconds


class Sweep:
    """One look at all ids created in [since, until], in milliseconds."""

    def __init__(
        self, api: Api, landing: Landing, since: int, until: int, progress: Callable[[str], None]
    ) -> None:
        self._api, self._landing, self._progress = api, landing, progress
        self._since, self._until = since, until

    def run(self, kinds: tuple[str, ...], alerts_held: int) -> None:
        """Land the ids of every kind; a month is committed at a time.

        Raises:
            SourceError: there is nothing left at all, which is no deletion by people.
        """
        for kind in kinds:
            spans = months(self._since, self._until) if kind == ALERTS else None
            spans = spans or [("all", self._since, self._until)]
            cursor = f"{kind}_swept"
            counts: dict[str, int] = dict(self._landing.cursors.get(cursor, {}))
            if kind == ALERTS and alerts_held == 0:
                self._refuse_nothing(kind, counts)
            for name, begin, end in spans:
                is_known = name != spans[0][0] and name in counts
                if is_known and self._api.count(begin, end)[0] == counts[name]:
                    continue
                self._progress(f"opsgenie {kind} still there: {name}")
                ids = self._ids(kind, begin, end)
                found = self._landing.replace("record_ids", f"{kind}-{name}", ids)
                if kind != ALERTS and found == 0:
                    self._refuse_nothing(kind, counts)
                counts[name] = found
                self._landing.commit(**{cursor: counts})
            self._landing.replace("sweeps", kind, _spoken_for(kind, spans, counts))
            self._landing.commit()
            if kind != ALERTS:
                self._landing.observe(kind, source_count=counts["all"])

    def _ids(self, kind: str, begin: int, end: int) -> Iterator[Json]:
        for page in self._api.newest_first(kind, begin, Place(end)):
            for record in page.records:
                yield {
                    "kind": kind[:-1],
                    "id": record["id"],
                    "createdAt": record["createdAt"],
                }

    def _refuse_nothing(self, kind: str, counts: dict[str, int]) -> None:
        known = sum(counts.values())
        if known:
            raise SourceError(
                f"opsgenie: says that it holds no {kind} at all, where it held {known:,}; nothing "
                "was marked as deleted: if the account was closed, take opsgenie out of "
                "PAYDOWN_SOURCES"
            )


def months(since: int, until: int) -> list[tuple[str, int, int]]:
    """Calendar months (UTC) of a span, newest first: name, first and last millisecond."""
    spans = []
    end = until
    while end >= since:
        last = instant(end)
        first = milliseconds(datetime(last.year, last.month, 1, tzinfo=last.tzinfo))
        spans.append((f"{last:%Y-%m}", max(first, since), end))
        end = first - 1
    return spans


def _spoken_for(
    kind: str, spans: list[tuple[str, int, int]], counts: dict[str, int]
) -> Iterator[Json]:
    for name, begin, end in spans:
        yield {
            "kind": kind[:-1],
            "window": name,
            "since": instant(begin).isoformat(timespec="milliseconds"),
            "until": instant(end).isoformat(timespec="milliseconds"),
            "count": counts.get(name, 0),
        }
