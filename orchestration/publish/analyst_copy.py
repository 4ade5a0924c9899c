"""The analysts' copy: every mart in a read-only DuckDB file and as Parquet, replaced atomically.

DuckDB lets nobody read a file that another process writes, and a reader blocks the writer. So
nobody but a run opens the working warehouse; people and BI tools open `published/current`, which
is replaced by one rename. A reader that has the previous copy open keeps it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

DATABASE = "paydown.duckdb"
CURRENT = "current"


@dataclass(frozen=True)
class Mart:
    """A model that analysts may rely on, with what its documentation says."""

    name: str
    relation: str
    description: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class PublishedCopy:
    """Where the copy is; `changed` is false where it equals the previous one."""

    database: Path
    parquet: Path
    rows: Mapping[str, int]
    changed: bool


def public_marts(manifest: Mapping[str, Any]) -> list[Mart]:
    """The models with `access: public`, by name."""
    nodes = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["access"] == "public"
    ]
    return [
        Mart(
            name=node["name"],
            relation=f'"{node["schema"]}"."{node["alias"]}"',
            description=node["description"],
            columns={c["name"]: c["description"] for c in node["columns"].values()},
        )
        for node in sorted(nodes, key=lambda node: node["name"])
    ]


def publish_copy(warehouse: Path, folder: Path, marts: Sequence[Mart]) -> PublishedCopy:
    """Write the copy into a folder of its own, then make `folder/current` point at it.

    The folder's name is a hash of the marts' content, columns and descriptions, which is compared
    before anything is written. The previous copy is kept for those who still read it; older ones
    are deleted.

    Raises:
        duckdb.Error: where a mart can't be read; the current copy then stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    current = folder / CURRENT
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"attach '{_quoted(warehouse)}' as working (read_only)")
        rows, name = _content(con, marts)
        version = folder / name
        changed = not (version.exists() and current.is_symlink() and current.samefile(version))
        if changed and not version.exists():
            building = folder / f".building-{os.getpid()}"
            shutil.rmtree(building, ignore_errors=True)
            try:
                _write(con, building, marts)
                building.rename(version)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    if changed:
        fresh = folder / f".{CURRENT}-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version.name)
        os.utime(version)
        fresh.replace(current)
        _remove_older(folder, version)
    return PublishedCopy(current / DATABASE, current / "parquet", rows, changed)


def _content(con: duckdb.DuckDBPyConnection, marts: Sequence[Mart]) -> tuple[dict[str, int], str]:
    """The rows of each mart, and a hash of all of it that doesn't depend on their order."""
    rows: dict[str, int] = {}
    digest = hashlib.sha256()
    for mart in marts:
        # One hash of 64 bits could collide; two of them, of which one is of the row as a text.
        (found,) = con.execute(
            "select count(*), sum(hash(mart)), sum(hash(mart::varchar)) "
            f"from working.{mart.relation} as mart"
        ).fetchall()
        described = con.sql(f"describe working.{mart.relation}").fetchall()
        rows[mart.name] = found[0]
        digest.update(repr((mart, found, described)).encode())
    return rows, digest.hexdigest()[:16]


def _write(con: duckdb.DuckDBPyConnection, building: Path, marts: Sequence[Mart]) -> None:
    (building / "parquet").mkdir(parents=True)
    con.execute(f"attach '{_quoted(building / DATABASE)}' as copy")
    for mart in marts:
        name = f'copy.main."{mart.name}"'
        con.execute(f"create table {name} as select * from working.{mart.relation} order by all")
        con.execute(f"comment on table {name} is '{_quoted(mart.description)}'")
        for column, description in mart.columns.items():
            con.execute(f"comment on column {name}.\"{column}\" is '{_quoted(description)}'")
        parquet = building / "parquet" / f"{mart.name}.parquet"
        con.execute(f"copy {name} to '{_quoted(parquet)}' (format parquet)")
    con.execute("detach copy")
    for file in (building / DATABASE, *(building / "parquet").iterdir()):
        file.chmod(0o444)


def _remove_older(folder: Path, current: Path) -> None:
    """Keep the current copy and the one before it."""
    versions = [p for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and p != current]
    for version in sorted(versions, key=lambda p: p.stat().st_mtime_ns, reverse=True)[1:]:
        shutil.rmtree(version, ignore_errors=True)


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
