"""A landing folder and a warehouse of its own for a test, and contracts without running dbt."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from orchestration.loader import (
    Contract,
    LoadReport,
    contracts_from_manifest,
    load_landing,
)
from orchestration.loader.raw import create_tables, delete_leftovers, unaccounted
from orchestration.loader.read import Readers
from orchestration.warehouse import FileWarehouse, Session

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
ID: Json = {"required": True}


def column(data_type: str = "varchar", **meta: Any) -> Json:
    """A column of a dbt source as the manifest has it, without its name."""
    return {"data_type": data_type, "config": {"meta": meta}}


def stream(name: str, columns: Mapping[str, Json], **meta: Any) -> Json:
    """A source table as the manifest has it; its files are `landing/<name>/*` unless said."""
    meta = {"files": f"landing:{name}/*", "key": "id", **meta}
    return {
        "source_name": "demo",
        "name": name,
        "identifier": f"demo__{name}",
        "original_file_path": "models/staging/demo/_demo__sources.yml",
        "columns": {key: {"name": key, **value} for key, value in columns.items()},
        "config": {"meta": meta},
    }


def contracts(*nodes: Json) -> list[Contract]:
    names = [f"source.paydown.{node['source_name']}.{node['name']}" for node in nodes]
    return contracts_from_manifest({"sources": dict(zip(names, nodes, strict=True))})


def project_streams() -> list[Json]:
    """This project's own sources as the manifest has them; variables in them stand for what they
    are by default.
    """
    nodes = []
    for path in sorted((ROOT / "models/staging").glob("*/_*__sources.yml")):
        text = re.sub(r"\{\{ env_var\('\w+', '([^']*)'\) \}\}", r"\1", path.read_text())
        for source in yaml.safe_load(text)["sources"]:
            nodes += [
                {
                    "source_name": source["name"],
                    "name": table["name"],
                    "identifier": table.get("identifier", table["name"]),
                    "original_file_path": str(path.relative_to(ROOT)),
                    "columns": {one["name"]: one for one in table["columns"]},
                    "config": table.get("config", {}),
                }
                for table in source["tables"]
            ]
    return nodes


def ndjson(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def packed(name: str, content: bytes) -> bytes:
    """The bytes compressed as the name's ending says."""
    if name.lower().endswith(".gz"):
        return gzip.compress(content)
    if name.lower().endswith(".zst"):
        return pa.Codec("zstd").compress(content, asbytes=True)
    return content


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


class Landing:
    """Roots, warehouse and dlt's working files below one folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.roots = {name: home / name for name in ("landing", "modernization", "epics", "ledger")}
        self.warehouse = home / "warehouse.duckdb"
        for root in self.roots.values():
            root.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: str | bytes, *, root: str = "landing") -> Path:
        """Put a file there, compressed as its ending says."""
        path = self.roots[root] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed(name, content.encode() if isinstance(content, str) else content))
        return path

    def remove(self, name: str) -> None:
        (self.roots["landing"] / name).unlink()

    def store(self, memory_limit: str | None = None) -> FileWarehouse:
        return FileWarehouse(self.warehouse, self.home / "dlt", memory_limit)

    def load(self, *nodes: Json, readers: Readers | None = None) -> LoadReport:
        return load_landing(contracts(*nodes), self.roots, self.store(), readers or {})

    def unaccounted(self, *nodes: Json) -> list[str]:
        with self.store().opened() as session:
            create_tables(session, contracts(*nodes))
            delete_leftovers(session, contracts(*nodes))
            return unaccounted(session.con, contracts(*nodes))

    def query(self, sql: str, *parameters: Any) -> list[Json]:
        with duckdb.connect(str(self.warehouse), read_only=True) as con:
            result = con.execute(sql, list(parameters) or None)
            names = [item[0] for item in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def counts(self, *nodes: Json) -> dict[str, int]:
        """Rows of each stream's raw table, by the stream's name."""
        return {
            node["name"]: self.query(f"select count(*) as n from raw.{node['identifier']}")[0]["n"]
            for node in nodes
        }

    def rows(self, name: str, columns: str = "*") -> list[Json]:
        """A stream's raw rows, by file and line."""
        return self.query(f"select {columns} from raw.demo__{name} order by _source_file, _line")

    def by_id(self, name: str) -> dict[str, Json]:
        return {row["id"]: row for row in self.rows(name)}

    def quarantine(self, name: str) -> list[Json]:
        return self.query(
            "select * from raw.quarantine where stream = ? order by file, line, field", name
        )

    def loads(self, name: str) -> list[Json]:
        return self.query(
            "select file, status, records, rows_loaded, rows_quarantined, problem "
            "from raw.loads where stream = ? order by _loaded_at, file",
            name,
        )


def kill_at(sql: str, number: int = 1) -> None:
    """Let this process die just before the `number`-th statement that holds `sql`."""
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

    seen = 0

    def dying(original: Callable[..., Any], query_at: int) -> Callable[..., Any]:
        def execute(*args: Any, **options: Any) -> Any:
            nonlocal seen
            seen += sql in str(args[query_at])
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **options)

        return execute

    setattr(Session, "execute", dying(Session.execute, 1))  # noqa: B010
    setattr(DuckDbSqlClient, "execute_query", dying(DuckDbSqlClient.execute_query, 1))  # noqa: B010


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
