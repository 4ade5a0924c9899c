"""Backstage's entities: one record per entity, from `catalog-info.yaml` or from its API's JSON.

Reads what paydown needs of any kind of entity, and leaves the rest alone: a catalog is Backstage's
to validate. References are brought into the full form `kind:namespace/name`, in lower case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, get_args

from orchestration.documents.catalog_json import JSON_ENDINGS, read_json
from orchestration.documents.fields import Reading
from orchestration.documents.models import slug
from orchestration.documents.problems import DocumentError, Line, Problem, problem_line
from orchestration.documents.text_files import excerpt, read_text, split_documents
from orchestration.documents.yaml_lines import Document, Location, parse
from orchestration.rubric.strict import MaturityLevel, unique

ALIASES = "paydown/aliases"
MATURITY = "paydown/maturity"
REVENUE = "paydown/revenue-per-hour-usd"
MAX_TEXT = 10_000
MAX_DOCUMENTS = 50_000

# Backstage's own rule for names, namespaces and kinds.
_NAME = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_REF = re.compile(r"(?:([^:/\s]+):)?(?:([^:/\s]+)/)?([^:/\s]+)")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]|$)", re.ASCII)
_DECIMAL = re.compile(r"\d{1,15}(?:\.\d{1,6})?")


def read_catalog(path: Path) -> Iterator[Line]:
    """Every entity of the file; a document that is wrong is one problem line and costs no other."""
    if path.name.endswith(JSON_ENDINGS):
        for found in read_json(path):
            if isinstance(found, Line):
                yield found
            else:
                place, text, value = found
                yield _line(place, text, Document(value, {(): place}))
        return
    try:
        chunks = list(split_documents(read_text(path)))
    except DocumentError as error:
        yield problem_line(error.problems, excerpt(path))
        return
    if len(chunks) > MAX_DOCUMENTS:
        what = f"holds {len(chunks):,} documents, the limit is {MAX_DOCUMENTS:,}"
        problem = Problem(1, "file", path.name, what, "split it into several files")
        yield problem_line([problem], excerpt(path))
        return
    for chunk in chunks:
        try:
            document = parse(chunk)
        except DocumentError as error:
            yield problem_line(error.problems, chunk.text)
        else:
            yield _line(chunk.first_line, chunk.text, document)


def _line(first_line: int, text: str, document: Document) -> Line:
    entity = _Entity(document)
    try:
        record = entity.record()
    except DocumentError as error:
        return problem_line(error.problems, text)
    if entity.problems:
        return problem_line(entity.problems, text)
    return Line(first_line, json.dumps(record, ensure_ascii=False, allow_nan=False))


class _Entity(Reading):
    """Reads an entity key by key and collects what is wrong with it."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.kind = ""
        self.namespace = "default"

    def record(self) -> dict[str, Any]:
        if not isinstance(self.document.value, dict) or "kind" not in self.document.value:
            fix = "begin it with apiVersion, kind and metadata, or move it out of the catalog"
            self.problem((), "", "is not a Backstage entity, it has no kind", fix)
            raise DocumentError(*self.problems)
        self.kind = (self.name("kind") or "").lower()
        self.namespace = (self.name("metadata", "namespace") or "default").lower()
        name = self.name("metadata", "name")
        if name is None and not self.problems:
            self.problem(("metadata", "name"), "", "is missing", "add the key")
        annotations = self.texts("metadata", "annotations")
        self.check_revenue(annotations.get(REVENUE))
        return {
            "entity_ref": f"{self.kind}:{self.namespace}/{(name or '').lower()}",
            "kind": self.kind,
            "namespace": self.namespace,
            "name": name,
            "title": self.text("metadata", "title"),
            "description": self.text("metadata", "description"),
            "type": self.text("spec", "type"),
            "lifecycle": self.text("spec", "lifecycle"),
            "owner": self.reference("group", "spec", "owner") or self.related("ownedBy"),
            "system": self.reference("system", "spec", "system")
            or self.related("partOf", "system:"),
            "tags": self.entries("metadata", "tags"),
            "depends_on": self.references("component", "spec", "dependsOn", relation="dependsOn"),
            "dependency_of": self.references("component", "spec", "dependencyOf"),
            "provides_apis": self.references("api", "spec", "providesApis", relation="providesApi"),
            "consumes_apis": self.references("api", "spec", "consumesApis", relation="consumesApi"),
            "annotations": annotations,
            "annotation_list": _listed(annotations),
            "labels": self.texts("metadata", "labels"),
            "aliases": self.aliases(annotations.get(ALIASES)),
            "maturity": self.maturity(annotations.get(MATURITY)),
            "email": self.text("spec", "profile", "email"),
            "parent": self.reference("group", "spec", "parent"),
            "members": self.references("user", "spec", "members"),
        }

    def text(self, *place: str) -> str | None:
        value = self.at(*place)
        if value is None or (isinstance(value, str) and len(value) <= MAX_TEXT):
            return value
        if isinstance(value, str):
            self.problem(place, value, f"is longer than {MAX_TEXT:,} characters", "shorten it")
        elif isinstance(value, (dict, list)):
            self.problem(place, value, "is not text", "write one line of text")
        else:
            return _scalar(value)
        return None

    def name(self, *place: str) -> str | None:
        value = self.text(*place)
        if value is not None and not _NAME.fullmatch(value):
            fix = "use letters, digits, - _ and . only, at most 63, such as payments-api"
            self.problem(place, value, "is not a name that Backstage allows", fix)
            return None
        return value

    def reference(self, kind: str, *place: str) -> str | None:
        value = self.text(*place)
        return self.normalised(value, kind, place) if value else None

    def references(self, kind: str, *place: str, relation: str = "") -> list[str]:
        """The references of the list, and those that Backstage's API gives as relations."""
        found = [
            self.normalised(entry, kind, (*place, position))
            for position, entry in enumerate(self.entries(*place))
        ]
        return unique([reference for reference in (*found, *self.relations(relation)) if reference])

    def related(self, relation: str, prefix: str = "") -> str | None:
        """The first entity of that relation whose reference begins so."""
        return next((ref for ref in self.relations(relation) if ref.startswith(prefix)), None)

    def relations(self, relation: str) -> Iterator[str]:
        """What Backstage's processors made of this entity and of those that name it."""
        entries = self.document.value.get("relations")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("type") == relation:
                target = entry.get("targetRef")
                if isinstance(target, str) and _REF.fullmatch(target):
                    yield target.lower()

    def normalised(self, value: str, default_kind: str, at: Location) -> str | None:
        match = _REF.fullmatch(value.strip())
        parts = match.groups() if match else ()
        if not parts or not all(part is None or _NAME.fullmatch(part) for part in parts):
            fix = "write [kind:][namespace/]name, such as resource:default/ledger-db"
            self.problem(at, value, "is not a reference to an entity", fix)
            return None
        kind, namespace, name = parts
        return f"{kind or default_kind}:{namespace or self.namespace}/{name}".lower()

    def entries(self, *place: str) -> list[str]:
        value = self.at(*place)
        if value is None:
            return []
        if not isinstance(value, list):
            self.problem(place, value, "is not a list", "write one `- item` a line")
            return []
        for position, entry in enumerate(value):
            if not isinstance(entry, str):
                self.problem((*place, position), entry, "is not text", "put it in quotes")
        return [entry for entry in value if isinstance(entry, str)]

    def texts(self, *place: str) -> dict[str, str]:
        """Annotations or labels. Backstage wants text; a bare number is taken for one."""
        value = self.at(*place)
        if value is None:
            return {}
        if not isinstance(value, dict):
            fix = "write `key: value` lines, indented below it"
            self.problem(place, value, "is not a mapping", fix)
            return {}
        for key, entry in value.items():
            if isinstance(entry, (dict, list)):
                self.problem((*place, key), entry, "is not text", "write one line of text")
        return {
            key: _scalar(entry)
            for key, entry in value.items()
            if entry is not None and not isinstance(entry, (dict, list))
        }

    def aliases(self, value: str | None) -> list[str]:
        names = [name.strip() for name in (value or "").split(",")]
        for name in names:
            if "\\" in name or not name.isprintable() or ".." in name.split("/"):
                fix = "write names, separated by commas"
                self.problem(("metadata", "annotations", ALIASES), name, "is not a name", fix)
        return unique([name for name in names if name])

    def maturity(self, value: str | None) -> str | None:
        level = slug(value)
        if not level or level == "none":
            return None
        if level not in get_args(MaturityLevel):
            fix = f"write {', '.join(get_args(MaturityLevel))} or none"
            what = "is not a maturity level"
            self.problem(("metadata", "annotations", MATURITY), value, what, fix)
        return level

    def check_revenue(self, value: str | None) -> None:
        if value is not None and not _DECIMAL.fullmatch(value):
            fix = "write US dollars in digits only, such as '50000'"
            self.problem(("metadata", "annotations", REVENUE), value, "is not an amount", fix)


def _listed(annotations: Mapping[str, str]) -> list[dict[str, str | None]]:
    """One entry an annotation; `on` is its date where it is YYYY-MM-DD, with or without a time."""
    return [{"key": key, "value": value, "on": _day(value)} for key, value in annotations.items()]


def _day(value: str) -> str | None:
    match = _DATE.match(value.strip())
    try:
        return date.fromisoformat(match[1]).isoformat() if match else None
    except ValueError:
        return None


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
