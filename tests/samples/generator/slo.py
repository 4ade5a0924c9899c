"""Objectives as people define them, and what Prometheus' recording rules measured of two of them.

The gateway's availability falls by the share of users that its story names, while it was down; the
reports are late now and then, and nobody is. Of the ledger only the objective is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import yaml

from .model import AS_OF, Incident, hexdigest, iso
from .tables import table

Json = dict[str, Any]
MEASURED_FROM = AS_OF - timedelta(days=60)


def build_definitions() -> dict[str, str]:
    """File name to text: OpenSLO and Sloth."""
    openslo = [
        _openslo("api-gateway-availability", "api-gateway", 99.9),
        _openslo("ledger-availability", "ledger", 99.95),
    ]
    sloth = {
        "version": "prometheus/v1",
        "service": "reporting",
        "slos": [
            {
                "name": "reporting-latency",
                "objective": 99.0,
                "description": "Reports are there within a minute.",
                "labels": {"sli": "latency"},
                "sli": {"events": {"error_query": "late", "total_query": "all"}},
            }
        ],
    }
    return {
        "edge.yaml": yaml.safe_dump_all(openslo, sort_keys=False),
        "insights.yaml": yaml.safe_dump(sloth, sort_keys=False),
    }


def _openslo(name: str, service: str, percent: float) -> Json:
    return {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": name, "labels": {"category": "availability"}},
        "spec": {
            "service": service,
            "indicator": {"spec": {"ratioMetric": {"counter": True}}},
            "timeWindow": [{"duration": "30d", "isRolling": True}],
            "objectives": [{"targetPercent": percent}],
        },
    }


def build_series(incidents: list[Incident]) -> tuple[list[Json], list[Json]]:
    """The series, and their samples, of the shortest window first."""
    hit = {
        row["id"]: row["users"] / 100
        for row in table("stories")["postmortems"]
        if row["service"] == "api-gateway"
    }
    down = [
        (start, end, hit[one.id])
        for one in incidents
        if one.id in hit
        for start, end in one.intervals
        if end is not None
    ]
    series: list[Json] = []
    samples: list[Json] = []
    for service, slo, step, windows, base, outages in (
        ("api-gateway", "api-gateway-availability", 1800, (1, 4, 12, 48, 144), 0.0001, down),
        ("reporting", "reporting-latency", 3600, (1, 6, 72), 0.0005, []),
    ):
        ratios = list(_ratios(step, base, outages))
        for window in windows:
            name = hexdigest("series", slo, str(window), length=12)
            series.append(
                {
                    "series_id": f"errors:{name}", "query": "errors", "kind": "error_ratio",
                    "service": service, "slo": slo, "window_seconds": window * step,
                    "asked_at": iso(AS_OF),
                }
            )  # fmt: skip
            samples += [
                {
                    "series_id": f"errors:{name}",
                    "sampled_at": int(
                        (MEASURED_FROM + step * k * timedelta(seconds=1)).timestamp()
                    ),
                    "value": round(sum(ratios[k - window : k]) / window, 6),
                    "asked_at": iso(AS_OF),
                }
                for k in range(window, len(ratios) + 1)
            ]
    return series, samples


def _ratios(
    step: int, base: float, outages: list[tuple[datetime, datetime, float]]
) -> Iterator[float]:
    """Error ratio of each step of `step` seconds: `base`, and more while an outage lasts."""
    for k in range(int((AS_OF - MEASURED_FROM).total_seconds()) // step):
        start = MEASURED_FROM + timedelta(seconds=k * step)
        end = start + timedelta(seconds=step)
        bad = sum(
            max((min(end, until) - max(start, since)).total_seconds(), 0) * share
            for since, until, share in outages
        )
        yield base + bad / step
