"""dbt without a process a call: imported once a worker, the project parsed once for all workers."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from .flow_helpers import ROOT

# The name is in the manifest, so it is the same for every test.
POSTGRES_DATABASE = "paydown"
DEMO_AS_OF = "2026-06-26 16:00:00"
QUIET = ("--quiet", "--log-level-file", "none", "--no-write-json")


class Dbt:
    """The project's dbt. `parsed(target)` is the file of the pickled manifest of that target;
    what dbt writes beside the warehouse goes to `scratch`."""

    def __init__(self, parsed: Callable[[str], Path], scratch: Path) -> None:
        self._parsed = parsed
        self._scratch = scratch

    def __call__(
        self,
        *arguments: str,
        warehouse: Path | None = None,
        target: str = "duckdb",
        as_of: str = DEMO_AS_OF,
        inline: bool = True,
        **environment: str,
    ) -> list[Any]:
        """Run a dbt command: the results by node, with `.node`, `.status` and `.message`.

        The file of `warehouse` must be called warehouse.duckdb, since DuckDB names the database
        after it. It is closed afterwards. Without `inline`, a model that is ephemeral counts as
        a view: SQL that refers to it names a relation.

        Raises:
            AssertionError: dbt failed; with what failed and why.
        """
        # dbt fills in what it compiles, so each call gets a manifest of its own.
        manifest = pickle.loads(self._parsed(target).read_bytes())  # noqa: S301
        for node in manifest.nodes.values():
            if not inline and node.config.materialized == "ephemeral":
                node.config.materialized = "view"
        command = [
            *arguments, "--target", target, "--vars", json.dumps({"as_of": as_of}), *QUIET,
        ]  # fmt: skip
        try:
            if warehouse:
                environment["PAYDOWN_WAREHOUSE"] = str(warehouse)
            done = invoke(command, manifest, self._scratch, environment)
        finally:
            close_warehouse()
        if done.exception:
            raise AssertionError(str(done.exception)) from done.exception
        failed = [
            f"{one.node.unique_id}: {one.message}"
            for one in done.result.results
            if one.status in ("error", "fail", "runtime error")
        ]
        assert done.success, "\n".join(failed)
        return list(done.result.results)

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


def parse(target: str, file: Path) -> None:
    """Parse the project for a target and pickle its manifest into the file."""
    done = invoke(["parse", "--target", target, *QUIET], None, file.with_suffix(".parse"), {})
    assert done.success, done.exception
    file.write_bytes(pickle.dumps(done.result))


def invoke(command: list[str], manifest: Any, scratch: Path, environment: dict[str, str]) -> Any:
    """One call of dbt's own runner."""
    from dbt.cli.main import dbtRunner

    variables = {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_PROJECT_DIR": str(ROOT),
        "DBT_TARGET_PATH": str(scratch / "target"),
        "DBT_LOG_PATH": str(scratch / "logs"),
        "PAYDOWN_WAREHOUSE": str(scratch / "warehouse.duckdb"),
        "PAYDOWN_POSTGRES_DATABASE": POSTGRES_DATABASE,
        "PAYDOWN_POSTGRES_USER": "postgres",
    } | environment
    with patch.dict(os.environ, variables):
        return dbtRunner(manifest=manifest).invoke(command)
