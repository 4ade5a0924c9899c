"""`paydown tracker create-filter` on loopback Jira and Azure DevOps, from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app

from .azure_devops_helpers import SETTINGS
from .jira_helpers import ENVIRONMENT, settings
from .loopback import serving
from .vendor_azure_devops import ORGANIZATION, PAT, AzureDevOps
from .vendor_jira import Jira


@pytest.fixture(params=["jira-cloud", "jira-data-center", "azure-devops"])
def vendor(request: pytest.FixtureRequest) -> Jira | AzureDevOps:
    if request.param == "azure-devops":
        return AzureDevOps()
    return Jira(is_cloud=request.param == "jira-cloud")


@pytest.fixture
def create_filter(
    vendor: Jira | AzureDevOps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., str]]:
    """Calls the command for the vendor; its output as one line."""
    for name, value in {**ENVIRONMENT, "AZURE_DEVOPS_TOKEN": PAT, "COLUMNS": "500"}.items():
        monkeypatch.setenv(name, value)
    for name in ("PAYDOWN_DRY_RUN", "PAYDOWN_LEDGER", "PAYDOWN_SOURCES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PAYDOWN_MODERNIZATION", str(tmp_path))

    def call(*options: str) -> str:
        result = CliRunner().invoke(app, ["tracker", "create-filter", *options])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    with serving(vendor) as url:
        section: dict[str, Any]
        if isinstance(vendor, Jira):
            section = {"jira": settings(url, vendor).model_dump(mode="json", exclude_unset=True)}
        else:
            section = {"azure_devops": {"url": f"{url}/{ORGANIZATION}", **SETTINGS}}
        document = {"kind": next(iter(section)), **section}
        # JSON is YAML.
        (tmp_path / "tracker.yaml").write_text(json.dumps(document))
        yield call


def query_of(vendor: Jira | AzureDevOps, new: str | None = None) -> str:
    """What the vendor keeps; or what a person puts in its place."""
    one, key = (
        (vendor.filters[-1], "jql")
        if isinstance(vendor, Jira)
        else (vendor.queries["Shared Queries/Incident modernization"], "wiql")
    )
    if new is not None:
        one[key] = new
    return str(one[key])


def test_a_query_is_saved_once_and_what_people_made_of_it_is_overwritten_only_when_asked(
    vendor: Jira | AzureDevOps, create_filter: Callable[..., str]
) -> None:
    assert create_filter().startswith("created ")
    ours = query_of(vendor)
    assert " was there: " in create_filter()
    query_of(vendor, "theirs")
    kept = create_filter()
    assert "a query of its own, which stays (--overwrite replaces it): theirs" in kept
    assert query_of(vendor) == "theirs"
    assert "has paydown's query again" in create_filter("--overwrite")
    assert query_of(vendor) == ours
    assert " was there: " in create_filter("--overwrite")
