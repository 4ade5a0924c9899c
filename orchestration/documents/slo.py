"""Definitions of objectives: OpenSLO v1, Sloth's files and Sloth's Kubernetes objects.

One record per objective. What only the tool needs (queries, alerts) is left to the tool to check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestration.documents.models import nearest
from orchestration.documents.problems import DocumentError, Line, problem_line
from orchestration.documents.slo_fields import Fields, indicator_kind
from orchestration.documents.text_files import Chunk, excerpt, read_text, split_documents
from orchestration.documents.yaml_lines import Location, parse

OPENSLO = "openslo/v1"
SLOTH = "prometheus/v1"
SLOTH_KUBERNETES = "sloth.slok.dev/v1"
VERSIONS = (OPENSLO, SLOTH, SLOTH_KUBERNETES)
# The other kinds of OpenSLO define no objective.
OTHER_KINDS = (
    "AlertCondition",
    "AlertNotificationTarget",
    "AlertPolicy",
    "DataSource",
    "SLI",
    "Service",
)


def read_slo(path: Path) -> Iterator[Line]:
    """Every objective of the file; a document that is wrong is one problem and costs no other."""
    try:
        chunks = list(split_documents(read_text(path)))
    except DocumentError as error:
        yield problem_line(error.problems, excerpt(path))
        return
    for chunk in chunks:
        yield from _lines(chunk)


def _lines(chunk: Chunk) -> Iterator[Line]:
    try:
        fields = Fields(parse(chunk))
        records = list(_records(fields))
    except DocumentError as error:
        yield problem_line(error.problems, chunk.text)
        return
    if fields.problems:
        yield problem_line(dict.fromkeys(fields.problems), chunk.text)
        return
    for at, record in records:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
        yield Line(fields.document.line_of(at), text)


def _records(fields: Fields) -> Iterator[tuple[Location, dict[str, Any]]]:
    value = fields.document.value
    version = None
    if isinstance(value, dict):
        version = value.get("apiVersion", value.get("version"))
    if version == OPENSLO:
        yield from _openslo(fields)
    elif version == SLOTH:
        yield from _sloth(fields, ())
    elif version == SLOTH_KUBERNETES:
        yield from _sloth(fields, ("spec",))
    else:
        at = ("apiVersion",) if isinstance(value, dict) and "apiVersion" in value else ("version",)
        known = ", ".join(VERSIONS)
        fields.problem(
            at,
            version,
            "is not a format of objectives that is read",
            f"begin it with apiVersion: {OPENSLO} (OpenSLO) or version: {SLOTH} (Sloth); "
            f"known are {known}",
        )


def _openslo(fields: Fields) -> Iterator[tuple[Location, dict[str, Any]]]:
    kind = fields.text("kind")
    if kind in OTHER_KINDS:
        return
    if kind != "SLO":
        known = ["SLO", *OTHER_KINDS]
        guess = nearest(kind or "", {name.lower(): name for name in known})
        meant = next((name for name in known if name.lower() == guess), "SLO")
        fields.problem(("kind",), kind, "is not a kind of OpenSLO's", f"write {meant}")
        return
    name = fields.required("metadata", "name")
    service = fields.required("spec", "service")
    description = fields.text("spec", "description")
    labels = fields.mapping("metadata", "labels")
    window_days, is_rolling = fields.time_window("spec", "timeWindow")
    indicator = fields.mapping("spec", "indicator")
    objectives = fields.entries("spec", "objectives")
    for position, objective in enumerate(objectives):
        at: Location = ("spec", "objectives", position)
        display_name = objective.get("displayName")
        target = fields.target(at, objective)
        # Sloth counts the objectives in the names of what it records; so do we where there are
        # several, and know the one by both names.
        numbered = f"{name}-{position}"
        yield (
            at,
            {
                "format": "openslo",
                "service": service,
                "slo": name if len(objectives) == 1 else numbered,
                "names": [name, numbered] if len(objectives) == 1 else [numbered],
                "title": display_name or fields.text("metadata", "displayName"),
                "objective": target,
                "window_days": window_days,
                "is_rolling": is_rolling,
                "indicator_kind": indicator_kind(
                    labels,
                    f"{name} {display_name or ''} {fields.text('metadata', 'displayName') or ''}",
                    f"{fields.text('spec', 'indicatorRef') or ''} {json.dumps(indicator)}",
                    has_threshold=isinstance(objective.get("value"), (int, float)),
                ),
                "description": description,
                "labels": labels,
            },
        )


def _sloth(fields: Fields, root: tuple[str, ...]) -> Iterator[tuple[Location, dict[str, Any]]]:
    if root and fields.text("kind") != "PrometheusServiceLevel":
        fields.problem(
            ("kind",), fields.text("kind"), "is not Sloth's", "write PrometheusServiceLevel"
        )
        return
    service = fields.required(*root, "service")
    shared = fields.mapping(*root, "labels")
    for position, slo in enumerate(fields.entries(*root, "slos")):
        at: Location = (*root, "slos", position)
        name = fields.entry_text(at, slo, "name", is_required=True)
        description = fields.entry_text(at, slo, "description")
        own = slo.get("labels")
        labels = {**shared, **(own if isinstance(own, Mapping) else {})}
        yield (
            at,
            {
                "format": "sloth",
                "service": service,
                "slo": name,
                "names": [name],
                "title": None,
                "objective": fields.percent((*at, "objective"), slo.get("objective")),
                # Sloth is told its period when it runs, 30 days unless told.
                "window_days": None,
                "is_rolling": True,
                "indicator_kind": indicator_kind(
                    labels,
                    f"{name} {description or ''}",
                    json.dumps(slo.get("sli")),
                    has_threshold=False,
                ),
                "description": description,
                "labels": labels,
            },
        )
