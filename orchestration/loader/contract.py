"""Input contracts, read from the dbt sources in the manifest.

A source table that has `files` in its `config.meta` is loaded by us; its columns say where in
the record each value is, and as what it is read. `docs/guides/bring-your-own-source.md` is the
user's page on these keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from zoneinfo import available_timezones

TYPES = ("varchar", "bigint", "double", "boolean", "timestamp", "date")
# Formats that count from 1970, and their units in a second.
EPOCH_FORMATS = {"epoch_s": 1, "epoch_ms": 1000}
TABLE_KEYS = {
    "files", "records", "each", "key", "version", "reader", "mode", "timezone", "nulls", "rules",
}  # fmt: skip
COLUMN_KEYS = {"path", "capture", "required", "lenient", "formats", "timezone"}
RULE_KEYS = {"check", "reason"}
RESERVED = ("_load_id", "_source_file", "_line", "_loaded_at", "_payload")


class ContractError(ValueError):
    """A `_sources.yml` that says something the loader can't do; names file, table and fix."""


@dataclass(frozen=True)
class Column:
    """One raw column: the first of `paths` that holds a value, read as `data_type`.

    `capture` is a regular expression whose first group is the value; the path may then name a
    list (`tags[*]`), and its first element that matches counts. A `lenient` column is null where
    its value can't be read as its type; any other column makes a problem of that.
    """

    name: str
    data_type: str
    paths: tuple[str, ...]
    required: bool
    formats: tuple[str, ...]
    timezone: str
    capture: str | None = None
    # Not in `repr`, of which fingerprints are made: a contract without it keeps its fingerprint.
    lenient: bool = field(default=False, repr=False)


@dataclass(frozen=True)
class Rule:
    """A condition over the projected columns; a record that fails it goes to quarantine.

    `column` names the column that is at fault, whose value the quarantine shows.
    """

    check: str
    reason: str
    column: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Contract:
    """How one stream's files become rows of `raw.<source>__<stream>`.

    `append` keeps every version of a record and lets staging pick the newest. `snapshot` says
    that the files themselves are the truth: what a file no longer says is no longer so.
    """

    source: str
    stream: str
    table: str
    defined_in: str
    files: tuple[str, ...]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    version: tuple[str, ...]
    mode: Literal["append", "snapshot"]
    reader: str | None
    records: str | None
    each: str | tuple[str, ...] | None
    nulls: tuple[str, ...]
    rules: tuple[Rule, ...] = field(default=())

    @property
    def name(self) -> str:
        return f"{self.source}.{self.stream}"

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides how a file is read."""
        said = (self.columns, self.reader, self.records, self.each, self.nulls, self.rules)
        if lenient := [column.name for column in self.columns if column.lenient]:
            said = (*said, lenient)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def contracts_from_manifest(manifest: Mapping[str, Any]) -> list[Contract]:
    """All contracts of the project, ordered by name.

    Raises:
        ContractError: for an unknown key, type, zone or column, all problems in one message.
    """
    contracts: list[Contract] = []
    problems: list[str] = []
    for node in manifest["sources"].values():
        meta = node["config"].get("meta") or node.get("meta") or {}
        if "files" not in meta:
            continue
        found = list(_problems(node, meta))
        problems += found
        if not found:
            contracts.append(_contract(node, meta))
    if problems:
        raise ContractError("\n".join(problems))
    return sorted(contracts, key=lambda contract: contract.name)


def _contract(node: Mapping[str, Any], meta: Mapping[str, Any]) -> Contract:
    zone = meta.get("timezone", "UTC")
    return Contract(
        source=node["source_name"],
        stream=node["name"],
        table=node["identifier"],
        defined_in=node["original_file_path"],
        files=tuple(_as_list(meta["files"])),
        columns=tuple(_column(c, zone) for c in _loaded_columns(node)),
        key=tuple(_as_list(meta.get("key", []))),
        version=tuple(_as_list(meta.get("version", []))),
        mode=meta.get("mode", "append"),
        reader=meta.get("reader"),
        records=meta.get("records"),
        each=tuple(each) if isinstance(each := meta.get("each"), list) else each,
        nulls=tuple(_as_list(meta.get("nulls", [""]))),
        rules=tuple(Rule(**rule) for rule in meta.get("rules", [])),
    )


def _column(column: Mapping[str, Any], zone: str) -> Column:
    meta = _column_meta(column)
    return Column(
        name=column["name"],
        data_type=(column["data_type"] or "varchar").lower(),
        paths=tuple(_as_list(meta.get("path", column["name"]))),
        required=bool(meta.get("required", False)),
        lenient=bool(meta.get("lenient", False)),
        formats=tuple(_as_list(meta.get("formats", []))),
        timezone=meta.get("timezone", zone),
        capture=meta.get("capture"),
    )


def _problems(node: Mapping[str, Any], meta: Mapping[str, Any]) -> Iterator[str]:
    where = f"{node['original_file_path']}: source {node['source_name']}.{node['name']}"
    columns = {c["name"]: c for c in _loaded_columns(node)}
    for key in sorted(set(meta) - TABLE_KEYS):
        yield f"{where}: unknown meta key '{key}'; known keys: {', '.join(sorted(TABLE_KEYS))}"
    if not _as_list(meta["files"]) or not all(":" in str(f) for f in _as_list(meta["files"])):
        yield f"{where}: files '{meta['files']}' is not <root>:<pattern>, such as landing:tool/*"
    if meta.get("mode", "append") not in ("append", "snapshot"):
        yield f"{where}: mode '{meta['mode']}' is neither append nor snapshot"
    if meta.get("mode", "append") == "append" and not _as_list(meta.get("key", [])):
        yield f"{where}: an append stream needs a key, the column(s) that name a record"
    for kind in ("key", "version"):
        for name in _as_list(meta.get(kind, [])):
            if name not in columns:
                yield f"{where}: {kind} '{name}' is not one of its columns"
    for rule in meta.get("rules", []):
        if not isinstance(rule, dict) or set(rule) - {"column"} != RULE_KEYS:
            yield f"{where}: rule '{rule}' needs a check and a reason, and may name a column"
        elif rule.get("column", next(iter(columns), None)) not in columns:
            yield f"{where}: rule '{rule}' names a column that is not one of the table's"
    for name, column in columns.items():
        for problem in _column_problems(name, column, meta):
            yield f"{where}, column {name}: {problem}"


def _column_problems(
    name: str, column: Mapping[str, Any], table: Mapping[str, Any]
) -> Iterator[str]:
    meta = _column_meta(column)
    if not re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", name):
        yield "its name is not snake_case, such as opened_at"
    for key in sorted(set(meta) - COLUMN_KEYS):
        yield f"unknown meta key '{key}'; known keys: {', '.join(sorted(COLUMN_KEYS))}"
    data_type = (column.get("data_type") or "varchar").lower()
    if data_type not in TYPES:
        yield f"type '{data_type}' is not one of {', '.join(TYPES)}"
    if "formats" in meta and data_type not in ("timestamp", "date"):
        yield f"formats are for timestamp and date, not for {data_type}"
    zone = meta.get("timezone", table.get("timezone", "UTC"))
    if zone not in _zones():
        yield f"'{zone}' is no IANA time zone such as Europe/Paris"
    paths = _as_list(meta.get("path", name))
    if any("*" in path for path in paths) and "capture" not in meta:
        yield "a path over a list ([*]) needs a capture, which says which element is meant"
    if any(re.match(r"each(?![^.\[#])", path) for path in paths) and "each" not in table:
        yield "its path begins at each, but the table names no list as each"
    try:
        if "capture" in meta and re.compile(meta["capture"]).groups < 1:
            yield f"capture '{meta['capture']}' has no group (...) around the value"
    except re.error as error:
        yield f"capture '{meta['capture']}' is no regular expression: {error}"


@cache
def _zones() -> set[str]:
    """Read from disk, which takes a hundredth of a second."""
    return available_timezones()


def _loaded_columns(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [c for c in node["columns"].values() if c["name"] not in RESERVED]


def _column_meta(column: Mapping[str, Any]) -> Mapping[str, Any]:
    return (column.get("config") or {}).get("meta") or column.get("meta") or {}


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
