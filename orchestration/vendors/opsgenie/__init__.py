"""Opsgenie: alerts, incidents and what belongs to them; see the modules for how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestration.http import Http
from orchestration.rubric.strict import Number
from orchestration.vendors.base import Context, EnvName, SourceConfig, Url, secret
from orchestration.vendors.opsgenie.api import Api
from orchestration.vendors.opsgenie.sync import OpsgenieExtractor, Reading

# 0 is never.
HoursOrNever = Annotated[Number, Field(ge=0, le=24 * 366)]
HOSTS = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}


class OpsgenieConfig(SourceConfig):
    """Where the account is, and how much of it is read.

    `url` stands in for the region's address. `sweep_hours` is how often deletions are looked for,
    `reference_hours` how often teams, users and services are read; 0 is never. `late_minutes` is
    how late Opsgenie's search may show a change.
    """

    region: Literal["us", "eu"] = "us"
    url: Url | None = None
    api_key_env: EnvName = "OPSGENIE_API_KEY"
    incidents: bool = True
    alert_logs: Literal["none", "incident", "all"] = "incident"
    late_minutes: Annotated[Number, Field(ge=0, le=24 * 60)] = 5
    sweep_hours: HoursOrNever = 24
    reference_hours: HoursOrNever = 24

    def api(self, context: Context) -> Api:
        """Ready to be asked; nothing is sent yet.

        Raises:
            AccessError: the key is missing from the environment.
        """
        key = secret(context, self.api_key_env, "opsgenie", "an API key with read access")
        return Api(
            Http(
                "opsgenie",
                self.url or HOSTS[self.region],
                credentials={"Authorization": f"GenieKey {key}"},
                access_hint=(
                    f"give {self.api_key_env} the rights Read and Configuration Access without "
                    "restriction to a team, set `region`, or `incidents: false` where the plan "
                    "has none"
                ),
                patience=context.patience,
            )
        )

    def extractor(self, context: Context) -> OpsgenieExtractor:
        reading = Reading(
            kinds=("alerts", "incidents") if self.incidents else ("alerts",),
            alert_logs=self.alert_logs,
            late_ms=int(self.late_minutes * 60_000),
            sweep_hours=self.sweep_hours,
            reference_hours=self.reference_hours,
            begins_at=self.begins_at,
            is_since_set=self.since is not None,
        )
        return OpsgenieExtractor(self.api(context), reading, context.progress)
