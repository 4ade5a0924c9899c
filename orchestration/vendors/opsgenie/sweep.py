"""Which records still exist: nothing else shows that one was deleted.

Alerts are swept by calendar month (UTC): a closed month of which Opsgenie counts as many alerts as
existed last time is not read again. Incidents are few and have no count: all are listed. The ids
land in snapshot files, and `sweeps` says which span of `createdAt` they speak for.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.http import SourceError
from orchestration.vendors.base import Sync, months
from orchestration.vendors.opsgenie.api import ALERTS, Api, Json, Place, instant, milliseconds

Span = tuple[str, int, int]


def sweep(sync: Sync, kinds: tuple[str, ...], since: int, until: int, alerts_held: int) -> None:
    """Land the ids of all records created in [since, until] (ms); a month is committed at a time.

    Raises:
        SourceError: nothing is left at all, which is no deletion by people.
    """
    api, landing = Api(sync.http), sync.landing
    for kind in kinds:
        by_month = [
            (f"{begin:%Y-%m}", milliseconds(begin), milliseconds(end) - 1)
            for begin, end in months(instant(since), instant(until + 1))
        ]
        spans = by_month if kind == ALERTS and by_month else [("all", since, until)]
        cursor = f"{kind}_swept"
        counts: dict[str, int] = dict(landing.cursors.get(cursor, {}))
        if kind == ALERTS and alerts_held == 0:
            _refuse_nothing(kind, counts)
        for name, begin, end in spans:
            is_known = name != spans[0][0] and name in counts
            if is_known and api.count(begin, end)[0] == counts[name]:
                continue
            sync.progress(f"{kind} that still exist: {name}")
            found = landing.replace("record_ids", f"{kind}-{name}", _ids(api, kind, begin, end))
            if kind != ALERTS and found == 0:
                _refuse_nothing(kind, counts)
            counts[name] = found
            landing.commit(**{cursor: counts})
        landing.replace("sweeps", kind, (_spoken_for(kind, span, counts) for span in spans))
        landing.commit()
        if kind != ALERTS:
            landing.observe(kind, source_count=counts["all"])


def _ids(api: Api, kind: str, begin: int, end: int) -> Iterator[Json]:
    for page in api.newest_first(kind, begin, Place(end)):
        for record in page.records:
            yield {"kind": kind[:-1], "id": record["id"], "createdAt": record["createdAt"]}


def _refuse_nothing(kind: str, counts: dict[str, int]) -> None:
    if known := sum(counts.values()):
        raise SourceError(
            f"opsgenie: says that it holds no {kind} at all, where it held {known:,}; nothing "
            "was marked as deleted: if the account was closed, take opsgenie out of "
            "PAYDOWN_SOURCES"
        )


def _spoken_for(kind: str, span: Span, counts: dict[str, int]) -> Json:
    name, begin, end = span
    return {
        "kind": kind[:-1],
        "window": name,
        "since": instant(begin).isoformat(timespec="milliseconds"),
        "until": instant(end).isoformat(timespec="milliseconds"),
        "count": counts.get(name, 0),
    }
