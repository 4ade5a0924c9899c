"""Checks of the steps as Dagster's."""

from __future__ import annotations

import dagster as dg

from orchestration.steps import Check


def check_result(check: Check) -> dg.AssetCheckResult:
    """The result of a check that an asset declares; what it found is Markdown."""
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=dg.AssetKey(check.asset.split("/")),
        passed=check.passed,
        severity=severity(check),
        metadata={"problems": problems(check)},
    )


def severity(check: Check) -> dg.AssetCheckSeverity:
    """A warning is worth knowing; an error needs a person."""
    return dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR


def problems(check: Check) -> dg.MetadataValue:
    """A list item for each line; `none` where the check passed."""
    lines = [f"- `{line}`" for line in check.details.splitlines()]
    return dg.MetadataValue.md("\n".join(lines) or "none")
