"""What all assets and sensors share. Values are read from the environment when a run starts;
definitions hold the names of variables only."""

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.settings import Settings
from orchestration.steps import Check


class Workspace(dg.ConfigurableResource):
    """Where a run reads and writes, and its clock; each field is a variable `PAYDOWN_...`.

    sources: the live systems that are switched on, separated by commas. target: the warehouse that
    dbt builds on. ledger: SQLAlchemy's address, which may hold a password. dry_run: whether runs
    only report what they would write to the tracker (`1`) or write it (`0`).
    """

    home: str = ""
    landing: str = ""
    modernization: str = ""
    as_of: str = ""
    sources: str = ""
    target: str = ""
    ledger: str = ""
    dry_run: str = ""

    def settings(self) -> Settings:
        """The settings of a run.

        Raises:
            SettingsError: a variable can't be used; the message names it and the fix.
        """
        values = {f"PAYDOWN_{name.upper()}": getattr(self, name) for name in FIELDS}
        return Settings.from_environment(values)


FIELDS = tuple(Workspace.model_fields)


def workspace() -> Workspace:
    """The resource from the environment."""
    return Workspace(**from_variables({name: f"PAYDOWN_{name.upper()}" for name in FIELDS}))


def from_variables(
    variables: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Field -> reference to its variable, for those that are set; the others keep their defaults.

    Args:
        variables: field of a resource -> name of its environment variable.
    """
    return {field: dg.EnvVar(name) for field, name in variables.items() if environment.get(name)}


def check_result(check: Check) -> dg.AssetCheckResult:
    """The result of a check that an asset declares; a warning is worth knowing, an error needs a
    person. The findings are Markdown: one list item per line, `none` if it passed."""
    lines = [f"- `{line}`" for line in check.details.splitlines()]
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=dg.AssetKey(check.asset.split("/")),
        passed=check.passed,
        severity=dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR,
        metadata={"problems": dg.MetadataValue.md("\n".join(lines) or "none")},
    )
