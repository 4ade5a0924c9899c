"""The resources of all assets and sensors. Their values are read from the environment when a run
starts; definitions hold the names of variables only."""

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.settings import Settings


class SourcesResource(dg.ConfigurableResource):
    """The live systems that are switched on, separated by commas."""

    names: str = ""


class WarehouseResource(dg.ConfigurableResource):
    """The warehouse that dbt builds on, a target of `profiles/profiles.yml`."""

    target: str = ""


class LedgerResource(dg.ConfigurableResource):
    """The ledger's SQLAlchemy address, which may hold a password."""

    url: str = ""


class TrackerResource(dg.ConfigurableResource):
    """Whether runs only report what they would write to the tracker (`1`) or write it (`0`)."""

    dry_run: str = ""


class Workspace(dg.ConfigurableResource):
    """Folders and clock of a run, with the systems that it works on."""

    home: str = ""
    landing: str = ""
    modernization: str = ""
    as_of: str = ""
    sources: dg.ResourceDependency[SourcesResource]
    warehouse: dg.ResourceDependency[WarehouseResource]
    ledger: dg.ResourceDependency[LedgerResource]
    tracker: dg.ResourceDependency[TrackerResource]

    def settings(self) -> Settings:
        """The settings of a run.

        Raises:
            SettingsError: a variable can't be used; the message names it and the fix.
        """
        environment = {variable: getattr(self, name) for name, variable in FOLDERS.items()}
        for key, (_, name, variable) in SYSTEMS.items():
            environment[variable] = getattr(getattr(self, key), name)
        return Settings.from_environment(environment)


# Field of the workspace -> its variable.
FOLDERS = {n: f"PAYDOWN_{n.upper()}" for n in ("home", "landing", "modernization", "as_of")}
# Key of a resource -> its class, its one field and that field's variable.
SYSTEMS: dict[str, tuple[type[dg.ConfigurableResource], str, str]] = {
    "sources": (SourcesResource, "names", "PAYDOWN_SOURCES"),
    "warehouse": (WarehouseResource, "target", "PAYDOWN_TARGET"),
    "ledger": (LedgerResource, "url", "PAYDOWN_LEDGER"),
    "tracker": (TrackerResource, "dry_run", "PAYDOWN_DRY_RUN"),
}


def from_variables(
    variables: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Field -> reference to its variable, for those that are set; the others keep their defaults.

    Args:
        variables: field of a resource -> name of its environment variable.
    """
    return {field: dg.EnvVar(name) for field, name in variables.items() if environment.get(name)}


def workspace_resources() -> dict[str, dg.ConfigurableResource]:
    """The resources of this module by key."""
    systems: dict[str, Any] = {
        key: kind(**from_variables({name: variable}))
        for key, (kind, name, variable) in SYSTEMS.items()
    }
    return {**systems, "workspace": Workspace(**systems, **from_variables(FOLDERS))}
