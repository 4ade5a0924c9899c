"""The resources of all assets and sensors. Their values are read from the environment when a run
starts; definitions hold the names of variables only."""

import os
from collections.abc import Mapping

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
        return Settings.from_environment(
            {
                "PAYDOWN_HOME": self.home,
                "PAYDOWN_LANDING": self.landing,
                "PAYDOWN_MODERNIZATION": self.modernization,
                "PAYDOWN_AS_OF": self.as_of,
                "PAYDOWN_SOURCES": self.sources.names,
                "PAYDOWN_TARGET": self.warehouse.target,
                "PAYDOWN_LEDGER": self.ledger.url,
                "PAYDOWN_DRY_RUN": self.tracker.dry_run,
            }
        )


def from_variables(
    variables: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, dg.EnvVar]:
    """Field -> reference to its variable, for those that are set; the others keep their defaults.

    Args:
        variables: field of a resource -> name of its environment variable.
    """
    return {field: dg.EnvVar(name) for field, name in variables.items() if environment.get(name)}


def workspace_resources() -> dict[str, dg.ConfigurableResource]:
    """The resources of this module by key."""
    sources = SourcesResource(**from_variables({"names": "PAYDOWN_SOURCES"}))
    warehouse = WarehouseResource(**from_variables({"target": "PAYDOWN_TARGET"}))
    ledger = LedgerResource(**from_variables({"url": "PAYDOWN_LEDGER"}))
    tracker = TrackerResource(**from_variables({"dry_run": "PAYDOWN_DRY_RUN"}))
    names = ("home", "landing", "modernization", "as_of")
    workspace = Workspace(
        sources=sources,
        warehouse=warehouse,
        ledger=ledger,
        tracker=tracker,
        **from_variables({name: f"PAYDOWN_{name.upper()}" for name in names}),
    )
    return {
        "sources": sources,
        "warehouse": warehouse,
        "ledger": ledger,
        "tracker": tracker,
        "workspace": workspace,
    }
