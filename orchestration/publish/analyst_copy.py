"""The analysts' copy: every mart in a read-only DuckDB file and as Parquet, swapped at once.

DuckDB lets nobody read a file that another process writes, and a reader blocks the writer. So
nobody but a run opens the working warehouse; people and BI tools open `published/current`, which
is replaced by one rename. A reader that has the old copy open keeps it.
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
    """Where the copy is; `changed` is false where it equals the one that was there."""

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

    The folder's name is the hash of the marts' content, so equal content is published once. The
    copy before it is kept for those who still read it; older ones go.

    Raises:
        duckdb.Error: where a mart can't be read; the current copy then stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    building = folder / f".building-{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    (building / "parquet").mkdir(parents=True)
    try:
        rows = _write(warehouse, building, marts)
        version = folder / _content_hash(building / "parquet")
        changed = not _points_at(folder / CURRENT, version)
        if changed:
            for file in (building / DATABASE, *(building / "parquet").iterdir()):
                file.chmod(0o444)
            if not version.exists():
                building.rename(version)
            _swap(folder / CURRENT, version)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _remove_older(folder)
    current = folder / CURRENT
    return PublishedCopy(current / DATABASE, current / "parquet", rows, changed)


def _write(warehouse: Path, building: Path, marts: Sequence[Mart]) -> dict[str, int]:
    rows: dict[str, int] = {}
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"attach '{_quoted(warehouse)}' as working (read_only)")
        con.execute(f"attach '{_quoted(building / DATABASE)}' as copy")
        for mart in marts:
            name = f'copy.main."{mart.name}"'
            con.execute(
                f"create table {name} as select * from working.{mart.relation} order by all"
            )
            con.execute(f"comment on table {name} is '{_quoted(mart.description)}'")
            for column, description in mart.columns.items():
                con.execute(f"comment on column {name}.\"{column}\" is '{_quoted(description)}'")
            parquet = building / "parquet" / f"{mart.name}.parquet"
            con.execute(f"copy {name} to '{_quoted(parquet)}' (format parquet)")
            rows[mart.name] = con.execute(f"select count(*) from {name}").fetchall()[0][0]
    return rows


def _content_hash(parquet: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(parquet.iterdir()):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _points_at(link: Path, version: Path) -> bool:
    return link.is_symlink() and link.resolve() == version.resolve() and version.exists()


def _swap(link: Path, version: Path) -> None:
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(version.name)
    os.utime(version)
    fresh.replace(link)


def _remove_older(folder: Path) -> None:
    versions = [p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()]
    newest_first = sorted(versions, key=lambda p: p.stat().st_mtime_ns, reverse=True)
    current = (folder / CURRENT).resolve()
    for version in [p for p in newest_first if p.resolve() != current][1:]:
        shutil.rmtree(version, ignore_errors=True)


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
