"""The analysts' copy: every mart in a read-only DuckDB file and as Parquet, replaced atomically.

DuckDB doesn't allow reading a file that another process writes, and a reader blocks the writer. So
only runs open the working warehouse; people and BI tools open `published/current`, which is
replaced by one rename. A reader that has the previous copy open keeps it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import Warehouse, warehouse_of

DATABASE = "paydown.duckdb"
# People and BI tools have older clients than we do: every DuckDB since 1.0 reads this.
STORAGE = "v1.0.0"
CURRENT = "current"
# Beside the database: which warehouse the copy is from.
TARGET = "target.txt"


@dataclass(frozen=True)
class Mart:
    """A model that analysts may rely on, with its documentation."""

    name: str
    relation: str
    description: str
    columns: Mapping[str, str]


class NotPublishedError(SettingsError):
    """There is no copy of the configured warehouse; the message names the one that exists."""


@dataclass(frozen=True)
class PublishedCopy:
    """Where the copy is, with its Parquet files in `parquet` beside it.

    changed: False if it equals the previous one.
    """

    database: Path
    rows: Mapping[str, int]
    changed: bool


def public_marts(manifest: Mapping[str, Any]) -> list[Mart]:
    """The models with `access: public`, by name; descriptions of columns name their keys."""
    models = [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]
    keys = _keys(manifest)
    marts = [
        Mart(
            name=node["name"],
            relation=f"{node['schema']}.{node['alias']}".lower(),
            description=node["description"],
            columns={
                c["name"]: c["description"] + keys.get((node["unique_id"], c["name"]), "")
                for c in node["columns"].values()
            },
        )
        for node in models
        if node["access"] == "public"
    ]
    return sorted(marts, key=lambda mart: mart.name)


def _keys(manifest: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """By model and column: the primary and foreign keys that the tests `rules` verify."""
    found: dict[tuple[str, str], str] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "rules":
            model, rules = node["attached_node"], test["kwargs"]
            for column, target in rules.get("relationships", {}).items():
                mart = target["to"].partition("'")[2].partition("'")[0]
                found[model, column] = f" References {mart}.{target['field']}."
            key = rules.get("key", [])
            words = " Primary key." if isinstance(key, str) else " Part of the primary key."
            for column in [key] if isinstance(key, str) else key:
                found[model, column] = words + found.get((model, column), "")
    return found


@contextmanager
def published(settings: Settings) -> Generator[duckdb.DuckDBPyConnection]:
    """The analysts' copy of the configured warehouse: how all of paydown reads marts.

    Raises:
        NotPublishedError: nothing is published yet, or only from another warehouse.
    """
    database = settings.published_database
    if not database.exists():
        raise NotPublishedError("nothing is published yet; run `paydown run` first")
    stated = database.with_name(TARGET)
    # Older copies don't say: there was only one kind of warehouse.
    of = stated.read_text(encoding="utf-8") if stated.exists() else "duckdb"
    if of != (wanted := warehouse_of(settings).identity):
        raise NotPublishedError(
            f"what is published is from {of}, but PAYDOWN_TARGET={settings.target} is {wanted}; "
            "`paydown run` publishes that"
        )
    with duckdb.connect(str(database), read_only=True) as con:
        yield con


def publish_copy(warehouse: Warehouse, folder: Path, marts: Sequence[Mart]) -> PublishedCopy:
    """Write the copy into a folder of its own, then point `folder/current` at it.

    The folder's name is a hash of the marts' content, columns and descriptions and of the
    warehouse, and is compared before anything is written. The previous copy is kept for current
    readers; older ones are deleted.

    Raises:
        duckdb.Error: a mart can't be read; the current copy is left unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    current, building, link = folder / CURRENT, folder / ".building", folder / ".current"
    relations = [mart.relation for mart in marts]
    with FileLock(folder / ".lock"), warehouse.reading(relations) as con:
        rows, name = _content(con, marts, warehouse.identity)
        version = folder / name
        changed = not (version.exists() and current.is_symlink() and current.samefile(version))
        if changed:
            if not version.exists():
                # Leftovers of a killed run.
                shutil.rmtree(building, ignore_errors=True)
                try:
                    _write(con, building, marts)
                    (building / TARGET).write_text(warehouse.identity, encoding="utf-8")
                    building.rename(version)
                finally:
                    shutil.rmtree(building, ignore_errors=True)
            link.unlink(missing_ok=True)
            link.symlink_to(version.name)
            os.utime(version)
            link.replace(current)
            others = [p for p in folder.glob("[!.]*") if p not in (version, current)]
            for old in sorted(others, key=lambda p: p.stat().st_mtime_ns)[:-1]:
                shutil.rmtree(old, ignore_errors=True)
    return PublishedCopy(current / DATABASE, rows, changed)


def _content(
    con: duckdb.DuckDBPyConnection, marts: Sequence[Mart], identity: str
) -> tuple[dict[str, int], str]:
    """The rows of each mart, and a hash of all of them that doesn't depend on their order."""
    con.execute("set timezone = 'UTC'")
    rows: dict[str, int] = {}
    digest = hashlib.sha256((identity + STORAGE).encode())
    for mart in marts:
        # One hash of 64 bits could collide, so there are two: of the row, and of its text.
        (found,) = con.execute(
            "select count(*), sum(hash(mart)), sum(hash(mart::varchar)) "
            f"from {mart.relation} as mart"
        ).fetchall()
        described = con.sql(f"describe {mart.relation}").fetchall()
        rows[mart.name] = found[0]
        digest.update(repr((mart, found, described)).encode())
    return rows, digest.hexdigest()[:16]


def _write(con: duckdb.DuckDBPyConnection, building: Path, marts: Sequence[Mart]) -> None:
    parquet = building / "parquet"
    parquet.mkdir(parents=True)
    options = f"read_write, storage_version '{STORAGE}'"
    con.execute(f"attach '{_quoted(building / DATABASE)}' as copy ({options})")
    for mart in marts:
        name = f'copy.main."{mart.name}"'
        con.execute(f"create table {name} as select * from {mart.relation} order by all")
        con.execute(f"comment on table {name} is '{_quoted(mart.description)}'")
        for column, description in mart.columns.items():
            con.execute(f"comment on column {name}.\"{column}\" is '{_quoted(description)}'")
        file = parquet / f"{mart.name}.parquet"
        con.execute(f"copy {name} to '{_quoted(file)}' (format parquet)")
    con.execute("detach copy")
    for file in (building / DATABASE, *parquet.iterdir()):
        file.chmod(0o444)


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
