"""dbt without a process a call: imported once a worker, the project parsed once for all workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from orchestration.dbt_project import parse_into

from .flow_helpers import ROOT

# The name is in the manifest, so it is the same for every test.
POSTGRES_DATABASE = "paydown"
DEMO_AS_OF = "2026-06-26 16:00:00"
QUIET = ("--quiet", "--log-level-file", "none", "--no-write-json")


class Dbt:
    """The project's dbt. `parsed(target)` is the folder that `parse` filled for that target; what
    dbt writes beside the warehouse goes to `scratch`."""

    def __init__(self, parsed: Callable[[str], Path], scratch: Path) -> None:
        self.parsed = parsed
        self._scratch = scratch

    def __call__(
        self,
        *arguments: str,
        warehouse: Path | None = None,
        target: str = "duckdb",
        as_of: str = DEMO_AS_OF,
        inline: bool = True,
        variables: str = "{}",
        **environment: str,
    ) -> list[Any]:
        """Run a dbt command: the results by node, with `.node`, `.status` and `.message`.

        The file of `warehouse` must be called warehouse.duckdb, since DuckDB names the database
        after it. It is closed afterwards. `variables` are dbt's, as JSON. Without `inline`, a
        model that is ephemeral counts as a view: SQL that refers to it names a relation.

        Raises:
            AssertionError: dbt failed; with what failed and why.
        """
        from dbt.cli.main import dbtRunner
        from dbt.contracts.graph.manifest import Manifest

        # dbt fills in what it compiles, so each call gets a manifest of its own.
        objects = (self.parsed(target) / "partial_parse.msgpack").read_bytes()
        manifest = Manifest.from_msgpack(objects)
        for node in manifest.nodes.values():
            if not inline and node.config.materialized == "ephemeral":
                node.config.materialized = "view"
        stated = json.dumps({"as_of": as_of} | json.loads(variables))
        chosen = ["--target", target, "--vars", stated, *QUIET]
        own = _environment(self._scratch)
        if warehouse:
            own["PAYDOWN_WAREHOUSE"] = str(warehouse)
        try:
            with patch.dict(os.environ, own | environment):
                done = dbtRunner(manifest).invoke([*arguments, *chosen])
        finally:
            close_warehouse()
        if done.exception:
            raise AssertionError(str(done.exception)) from done.exception
        results: list[Any] = list(getattr(done.result, "results", []))
        failed = [
            f"{getattr(r, 'node', r).unique_id}: {r.message}"
            for r in results
            if r.status in ("error", "fail", "runtime error")
        ]
        assert done.success, "\n".join(failed)
        return results

    def compiled(self, *models: str, as_of: str, target: str = "duckdb") -> dict[str, str]:
        """Model -> its SQL, without a look at the warehouse."""
        results = self(
            "compile", "--no-introspect", "--no-populate-cache", "--select", *models,
            as_of=as_of, target=target, inline=False,
        )  # fmt: skip
        return {one.node.name: one.node.compiled_code for one in results}


def close_warehouse() -> None:
    """Close the DuckDB file that dbt otherwise keeps open in this process."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if opened := DuckDBConnectionManager._ENV:
        opened.close()
        DuckDBConnectionManager._ENV = None


def parse(target: str, folder: Path) -> None:
    """Parse the project for a target into the folder."""
    with patch.dict(os.environ, _environment(folder) | {"PAYDOWN_TARGET": target}):
        parse_into(folder)


def _environment(scratch: Path) -> dict[str, str]:
    return {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_PROJECT_DIR": str(ROOT),
        "DBT_TARGET_PATH": str(scratch / "target"),
        "DBT_LOG_PATH": str(scratch / "logs"),
        "PAYDOWN_WAREHOUSE": str(scratch / "warehouse.duckdb"),
        "PAYDOWN_POSTGRES_DATABASE": POSTGRES_DATABASE,
        "PAYDOWN_POSTGRES_USER": "postgres",
    }
