"""Input contracts, read from the dbt sources in the manifest.

A source table that has `files` in its `config.meta` is loaded by us; its columns say where in the
record each value is, and its type. `docs/guides/bring-your-own-source.md` documents these keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

import duckdb
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

Type = Literal["varchar", "bigint", "double", "boolean", "timestamp", "date"]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]
TYPES = get_args(Type)
# Steps of a path: an index, a key in brackets, a plain key.
STEP = re.compile(r"(\[(?:\d+|\*)\])|\[([^\[\]]*[^\[\]\d-][^\[\]]*)\]|(?:^|\.)([^.\[\]]+)")


class ContractError(ValueError):
    """A `_sources.yml` that asks for something the loader can't do; names file, table and fix."""


class Column(BaseModel, frozen=True, extra="forbid"):
    """One raw column: the first of `paths` that has a value, read as `data_type`.

    `capture` is a regular expression whose first group is the value; the path may then name a list
    (`tags[*]`), and its first element that matches counts. A `lenient` column is null if its value
    can't be read as its type; for any other column that is a problem.
    """

    name: str
    data_type: Type
    paths: Texts = Field(alias="path")
    required: bool = False
    lenient: bool = False
    formats: Texts = ()
    timezone: str
    capture: str | None = None
    # The environment variable that names the path, where there is one.
    variable: str = ""


class Rule(BaseModel, frozen=True, extra="forbid"):
    """A condition over the projected columns; a record that fails it goes to quarantine.

    `column` names the column to blame, whose value the quarantine shows.
    """

    check: str
    reason: str
    column: str | None = None


class Contract(BaseModel, frozen=True, extra="forbid"):
    """How one stream's files become rows of `raw.<source>__<stream>`.

    `append` keeps every version of a record and lets staging pick the newest. `snapshot` means that
    the files themselves are the truth: what a file no longer has no longer exists.
    """

    source: str
    stream: str
    table: str
    defined_in: str
    columns: tuple[Column, ...]
    files: Texts = ()
    # Instead of files: a table or view that another tool fills, as schema.table; its column with
    # the time when a row came in; and which of its rows count, as SQL.
    relation: str = ""
    loaded_at: str = ""
    where: str = ""
    key: Texts = ()
    version: Texts = ()
    mode: Literal["append", "snapshot"] = "append"
    reader: str | None = None
    records: str | None = None
    each: Texts = ()
    nulls: Texts = ("",)
    rules: tuple[Rule, ...] = ()
    # Columns, or lists of which one is enough: a file without a place for them is the wrong file.
    expected: tuple[Texts, ...] = ()
    # Columns of which one has the time when a record ended, and which records have ended, as SQL.
    end: Texts = ()
    ended: str = ""
    timezone: str = "UTC"
    # Whether an ambiguous date is %d/%m or %m/%d; without it each file must make it clear.
    dates: Literal["day_first", "month_first", ""] = ""
    # The environment variable that `dates` is taken from, where there is one.
    dates_variable: str = ""

    @property
    def name(self) -> str:
        return f"{self.source}.{self.stream}"

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides how a file is read."""
        decisive = {"columns", "reader", "records", "each", "nulls", "rules", "dates"}
        excluded = {"columns": {"__all__": {"variable"}}}
        text = self.model_dump_json(include=decisive, exclude=excluded)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


IDENTITY = ("source", "stream", "table", "defined_in", "columns")
TABLE_KEYS = {name for name in Contract.model_fields if name not in IDENTITY}
COLUMN_KEYS = {field.alias or name for name, field in Column.model_fields.items()} - {
    "name", "data_type",
}  # fmt: skip


def contracts_from_manifest(manifest: Mapping[str, Any]) -> list[Contract]:
    """All contracts of the project, ordered by name.

    Raises:
        ContractError: for an unknown key, type, zone or column, all problems in one message.
    """
    contracts: list[Contract] = []
    problems: list[str] = []
    for node in manifest["sources"].values():
        if {"files", "relation"} & set(meta := _meta(node)):
            stated = _stated(node, meta)
            try:
                contracts.append(Contract.model_validate(stated))
                found = list(_contradictions(contracts[-1]))
            except ValidationError as error:
                found = [_message(one, stated) for one in error.errors()]
            where = f"{node['original_file_path']}: source {node['source_name']}.{node['name']}"
            problems += [f"{where}{problem}" for problem in found]
    if problems:
        raise ContractError("\n".join(problems))
    return sorted(contracts, key=lambda contract: contract.name)


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return (node.get("config") or {}).get("meta") or node.get("meta") or {}


def _stated(node: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's node as the fields of a contract."""
    columns = [
        {"path": column["name"], "timezone": meta.get("timezone", "UTC"), **_meta(column)}
        | {"name": column["name"], "data_type": (column.get("data_type") or "varchar").lower()}
        for column in node["columns"].values()
        if column["name"] not in ("_load_id", "_source_file", "_line", "_loaded_at", "_payload")
    ]
    names = (node["source_name"], node["name"], node["identifier"], node["original_file_path"])
    return {**meta, **dict(zip(IDENTITY, (*names, columns), strict=True))}


def _message(error: Any, stated: Mapping[str, Any]) -> str:
    """What pydantic found wrong, and in which column."""
    place, column, known = error["loc"], "", TABLE_KEYS
    if place[0] == "columns":
        column, known = f", column {stated['columns'][place[1]]['name']}", COLUMN_KEYS
        place = place[2:]
    if error["type"] == "extra_forbidden" and place[0] != "rules":
        return f"{column}: unknown meta key '{place[-1]}'; known keys: {', '.join(sorted(known))}"
    return f"{column}: {'.'.join(map(str, place))}: {error['msg']}, not {error['input']!r}"


def _contradictions(contract: Contract) -> Iterator[str]:
    names = [column.name for column in contract.columns]
    if contract.relation:
        yield from _relation_problems(contract)
    elif not contract.files or not all(":" in pattern for pattern in contract.files):
        stated = ", ".join(contract.files)
        yield f": files '{stated}' is not <root>:<pattern>, such as landing:tool/*"
    if contract.mode == "append" and not contract.key:
        yield ": an append stream needs a key, the column(s) that name a record"
    ruled = [rule.column for rule in contract.rules if rule.column]
    expected = [name for group in contract.expected for name in group]
    for what, stated in (
        ("key", contract.key), ("version", contract.version), ("rule", ruled),
        ("expected", expected), ("end", contract.end),
    ):  # fmt: skip
        for name in set(stated).difference(names):
            yield f": {what} '{name}' is not one of its columns"
    if bool(contract.end) != bool(contract.ended):
        yield ": end and ended go together: the columns, and which records need one of them"
    for column in contract.columns:
        for problem in _column_problems(column, contract):
            yield f", column {column.name}: {problem}"


def _relation_problems(contract: Contract) -> Iterator[str]:
    if not re.fullmatch(r"[\w$]+\.[\w$]+", contract.relation):
        yield f": relation '{contract.relation}' is not schema.table"
    for name in ("files", "reader", "each"):
        if getattr(contract, name):
            yield f": {name} is for files, but it names a relation; leave one of them out"
    if contract.mode == "snapshot":
        yield ": a relation can't be a snapshot of files; leave out mode"
    for column in contract.columns:
        if column.capture or (column.formats and "iso" not in column.formats):
            yield (
                f", column {column.name}: a relation's values are taken as they are, without "
                "capture or formats; make a view with that column, and name the view"
            )


def _column_problems(column: Column, contract: Contract) -> Iterator[str]:
    if not re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", column.name):
        yield "its name is not snake_case, such as opened_at"
    if column.formats and column.data_type not in ("timestamp", "date"):
        yield f"formats are for timestamp and date, not for {column.data_type}"
    if column.timezone not in _zones():
        yield f"'{column.timezone}' is not an IANA time zone such as Europe/Paris"
    for path in column.paths:
        if not _can_be_followed(path):
            yield f"path '{path}' can't be followed; see the guide for paths, such as teams[0].id"
        if "*" in path and column.capture is None:
            yield "a path over a list ([*]) needs a capture, which says which element is meant"
        if re.match(r"each(?![^.\[#])", path) and not contract.each:
            yield "its path begins at each, but the table names no list as each"
    try:
        if column.capture is not None and re.compile(column.capture).groups < 1:
            yield f"capture '{column.capture}' has no group (...) around the value"
    except re.error as error:
        yield f"capture '{column.capture}' is not a regular expression: {error}"


def _can_be_followed(path: str) -> bool:
    if not path.startswith("$"):
        return not STEP.sub("", path.removesuffix("#"))
    try:
        duckdb.execute("select json_extract_string('{}', ?)", [path])
    except duckdb.Error:
        return False
    return True


@cache
def _zones() -> set[str]:
    """Read from disk, which takes a hundredth of a second."""
    return available_timezones()
