"""Catalog files with facts of the marts as annotations, otherwise left as people wrote them.

Only annotations change, and only if it matters: a small move of a score is no reason for a commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from orchestration.decisions.entries import edited
from orchestration.documents import DocumentError
from orchestration.documents.problems import Problem
from orchestration.documents.text import split_documents
from orchestration.documents.yaml_lines import parse
from orchestration.epics.candidates import service_label
from orchestration.trackers.text import web_address

SCORE, LABEL, PROJECT = "paydown/debt-score", "jira/label", "jira/project-key"
OURS = {
    PROJECT, LABEL, SCORE, "paydown/debt-band", "paydown/maturity-by-evidence",
    "paydown/open-epics", "paydown/slo-chart-url", "paydown/report-url",
}  # fmt: skip
# A score that differs by less is written only together with something else.
NEWS_POINTS = 3
NOTHING = "none"
Row = Mapping[str, Any]


def wanted_annotations(row: Row) -> dict[str, str | None]:
    """The annotations that a service should have; None if there is no value."""
    score = row["score"]
    return {
        PROJECT: row["jira_project_key"],
        LABEL: row["jira_project_key"] and service_label(row["service_id"]),
        SCORE: None if score is None else str(score),
        "paydown/debt-band": row["band"],
        "paydown/maturity-by-evidence": row["maturity_level"] or NOTHING,
        "paydown/open-epics": row["open_epic_keys"] or NOTHING,
        "paydown/slo-chart-url": web_address(row["chart_url"] or "") or None,
        "paydown/report-url": web_address(row["report_url"] or "") or None,
    }


def annotated(text: str, rows: Mapping[str, Row]) -> str:
    """A catalog file in which the services of these references are annotated from their rows.

    Raises:
        DocumentError: it isn't plain YAML, or what would change is in braces or an alias.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    entities = _entities(text)
    nodes = [node for root in yaml.compose_all(text, yaml.SafeLoader) for node in _each(root)]
    # From the end, so that positions stay valid.
    for node, entity in reversed([*zip(nodes, entities, strict=True)]):
        if (row := rows.get(_reference(entity))) is not None:
            text = _edited(text, node, entity, wanted_annotations(row))
    if [*map(_rest, entities)] != [*map(_rest, _entities(text))]:
        raise _problem(1, "can't be changed without changing more", "write no aliases in it")
    return text.replace("\n", newline)


def diff(before: str, after: str) -> list[str]:
    """What changed between two texts of a catalog file, one line per service."""
    lines: list[str] = []
    if before == after:
        return lines
    for old, new in zip(_entities(before), _entities(after), strict=False):
        was, now = _annotations_of(old), _annotations_of(new)
        changes = [f"{key} {was.get(key, 'nothing')} -> {one}" for key, one in now.items()
                if was.get(key) != one]  # fmt: skip
        if changes:
            lines.append(f"{new['metadata']['name']}: {', '.join(changes)}")
    return lines


def _edited(
    text: str, node: yaml.MappingNode, entity: Mapping[str, Any], wanted: Mapping[str, str | None]
) -> str:
    """The text in which an entity has the wanted annotations, if the changes matter."""
    was = _annotations_of(entity)
    # People's own project and label are kept, and a label is only useful in its project.
    project, label = was.get(PROJECT), was.get(LABEL)
    is_theirs = (project or wanted[PROJECT]) != wanted[PROJECT] or not (
        label is None or label.startswith("paydown-service")
    )
    skipped = {PROJECT, LABEL} if is_theirs else set()
    new = {
        key: NOTHING if value is None else value
        for key, value in wanted.items()
        if key not in skipped and not (value is None and key not in was)
    }
    changed = {key for key, value in new.items() if was.get(key) != value}
    if not changed or (changed == {SCORE} and not _is_far(was.get(SCORE), new[SCORE])):
        return text
    metadata = _child(node, "metadata")
    held = _child(metadata, "annotations")
    line = node.start_mark.line + 1
    inner = isinstance(held, yaml.MappingNode) and bool(held.value)
    for one in (metadata, held) if inner else (metadata,):
        if not isinstance(one, yaml.MappingNode) or one.flow_style:
            raise _problem(line, "is written in braces", "write one `key: value` a line")
    if inner:
        if held.start_mark.index < metadata.start_mark.index:
            raise _problem(line, "are an alias of others", "write them out")
        return edited(text, held, dict.fromkeys(was) | new, changed)
    names = dict.fromkeys(str(key.value) for key, _ in metadata.value)
    return edited(text, metadata, names | {"annotations": new}, {"annotations"})


def _is_far(was: str | None, now: str) -> bool:
    try:
        return abs(int(was or "") - int(now)) >= NEWS_POINTS
    except ValueError:
        return True


def _entities(text: str) -> list[dict[str, Any]]:
    """The entities of a catalog file, all values as text; DocumentError if it isn't YAML."""
    for chunk in split_documents(text):
        parse(chunk)
    found: list[dict[str, Any]] = []
    for value in yaml.load_all(text, yaml.BaseLoader):
        items = value.get("items") if isinstance(value, dict) else None
        found += items if isinstance(items, list) else [value]
    return found


def _each(root: yaml.Node) -> list[Any]:
    """The nodes of the same entities."""
    items = _child(root, "items")
    return items.value if isinstance(items, yaml.SequenceNode) else [root]


def _child(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _metadata(entity: object) -> dict[str, Any]:
    found = entity.get("metadata") if isinstance(entity, dict) else None
    return found if isinstance(found, dict) else {}


def _annotations_of(entity: object) -> dict[str, str]:
    found = _metadata(entity).get("annotations")
    return found if isinstance(found, dict) else {}


def _rest(entity: Any) -> Any:
    """The entity without paydown's annotations."""
    if not (about := _metadata(entity)):
        return entity
    theirs = {key: value for key, value in _annotations_of(entity).items() if key not in OURS}
    return {**entity, "metadata": {**about, "annotations": theirs}}


def _reference(entity: Any) -> str:
    about = _metadata(entity)
    kind = entity.get("kind") if about else ""
    return f"{kind}:{about.get('namespace') or 'default'}/{about.get('name')}".lower()


def _problem(line: int, what: str, fix: str) -> DocumentError:
    return DocumentError(Problem(line, "metadata.annotations", "", what, fix))
