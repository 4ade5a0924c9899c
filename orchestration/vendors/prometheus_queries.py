"""The queries to Prometheus, and the labels for service, objective and window."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from orchestration.documents.strict import Strict, invalid
from orchestration.vendors import base

Kind = Literal["error_ratio", "burn_rate", "objective", "period_days"]
# Values that are valid until somebody changes a rule: only the current one counts.
SETTINGS: tuple[Kind, ...] = ("objective", "period_days")

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION = re.compile(r"(?:\d+[smhdw])+")
# `slo:sli_error:ratio_rate5m` names its window even if no label does.
NAMED_WINDOW = re.compile(r"((?:\d+[smhdw])+)$")

# The first label that a series has counts. Prometheus writes the Kubernetes label
# `app.kubernetes.io/name` with underscores; kube-state-metrics puts `label_` before it.
SERVICE_LABELS = (
    "sloth_service",
    "app_kubernetes_io_name",
    "label_app_kubernetes_io_name",
    "service",
    "service_name",
    "service_owner",
    "label_service_owner",
    "app",
    "job",
)
SLO_LABELS = ("sloth_slo", "slo", "slo_name", "openslo_name")
WINDOW_LABELS = ("sloth_window", "window")


Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
Labels = Annotated[tuple[Label, ...], base.ONE_OR_SEVERAL, Field(min_length=1)]


def seconds(duration: str) -> int | None:
    """Seconds of a Prometheus duration such as 5m or 1h30m; None if it isn't one."""
    if not DURATION.fullmatch(duration):
        return None
    return sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)(\w)", duration))


class QueryLabels(Strict):
    """Labels by meaning; of several, the first that a series has."""

    service: Labels = SERVICE_LABELS
    slo: Labels = SLO_LABELS
    window: Labels = WINDOW_LABELS


class Query(Strict):
    """One query, which may return the series of many services and objectives.

    `window` is the time that an `error_ratio` or `burn_rate` looks back, for series that have it
    neither in a label nor at the end of their name.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
    kind: Kind
    window: str | None = None
    labels: QueryLabels = QueryLabels()

    @model_validator(mode="after")
    def _window_is_a_duration(self) -> Query:
        if self.window is not None and not seconds(self.window):
            raise invalid("is not a duration", "write such as 5m or 1h", ["window"])
        return self

    @property
    def is_setting(self) -> bool:
        return self.kind in SETTINGS


# What Sloth records, and rules that are named as in Google's SRE workbook
# (`job:slo_errors_per_request:ratio_rate5m`).
DEFAULT_QUERIES = (
    Query(
        name="error_ratios",
        query=f'{{__name__=~".*slo.*:ratio_rate({"|".join(WINDOWS)})"}}',
        kind="error_ratio",
    ),
    Query(name="objectives", query="slo:objective:ratio", kind="objective"),
    Query(name="periods", query="slo:time_period:days", kind="period_days"),
)


def series_record(query: Query, metric: Mapping[str, str]) -> dict[str, Any]:
    """A series as it lands: its labels as Prometheus returns them, and what they mean.

    The id depends only on the query's name and the labels, so another mapping of the same labels is
    a newer version of the series.
    """
    window = (
        _first(metric, query.labels.window)
        or (NAMED_WINDOW.search(metric.get("__name__", "")) or [None, None])[1]
        or query.window
    )
    has_window = not query.is_setting and window
    return {
        "series_id": fingerprint({"query": query.name, "metric": dict(metric)}),
        "query": query.name,
        "kind": query.kind,
        "service": _first(metric, query.labels.service),
        "slo": _first(metric, query.labels.slo) or query.name,
        "window_seconds": seconds(str(window)) if has_window else None,
        "metric": dict(metric),
    }


def fingerprint(value: Any) -> str:
    """16 hex digits that identify the value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _first(metric: Mapping[str, str], labels: Sequence[str]) -> str | None:
    return next((metric[label] for label in labels if metric.get(label, "").strip()), None)
