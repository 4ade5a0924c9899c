"""`modernization/tracker.yaml`: which tracker holds the epics, and what it is told.

Switching to a remote tracker writes nothing there: as long as `PAYDOWN_DRY_RUN` isn't 0, runs say
what they would do. Secrets are in the environment, never in the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import model_validator

from orchestration.documents import load_model
from orchestration.http import Patience
from orchestration.rubric.strict import Strict, fault
from orchestration.settings import Settings
from orchestration.trackers.azure_devops.config import AzureDevOpsConfig
from orchestration.trackers.jira import JiraConfig, JiraTracker
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.protocol import Tracker
from orchestration.vendors.base import Context

FILE = "tracker.yaml"


class TrackerConfig(Strict):
    """The tracker, and a section for each remote one; those of others may stay in the file."""

    kind: Literal["local", "jira", "azure_devops"] = "local"
    jira: JiraConfig | None = None
    azure_devops: AzureDevOpsConfig | None = None

    @model_validator(mode="after")
    def _has_its_section(self) -> TrackerConfig:
        if self.kind != "local" and getattr(self, self.kind) is None:
            raise fault(
                f"kind is {self.kind}, but there is no section {self.kind}",
                "add the section with url and project, see docs/guides/epics.md",
                ("kind",),
            )
        return self


def read_tracker_config(settings: Settings) -> TrackerConfig:
    """The file's settings, or the defaults where there is no file.

    Raises:
        ConfigError: the file is wrong.
        OSError: it can't be read.
    """
    path = settings.modernization / FILE
    return load_model(path, TrackerConfig) if path.exists() else TrackerConfig()


def is_dry_run(settings: Settings, config: TrackerConfig) -> bool:
    """Whether runs only say what they would do: by default everywhere but in local files."""
    return config.kind != "local" if settings.dry_run is None else settings.dry_run


def build_tracker(
    config: TrackerConfig,
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> Tracker:
    """The tracker, ready to be asked; nothing is sent yet.

    Raises:
        ForbiddenError: a secret is missing from the environment.
    """
    env = os.environ if environment is None else environment
    if config.kind == "jira" and config.jira:
        return JiraTracker(config.jira, env, patience)
    if config.kind == "azure_devops" and config.azure_devops:
        return config.azure_devops.tracker(
            Context(environment=env, patience=patience or Patience())
        )
    return LocalTracker(settings.epics)


def tracker_name(config: TrackerConfig, settings: Settings) -> str:
    """The tracker's name in the ledger, which needs no secret."""
    if config.kind == "azure_devops" and config.azure_devops:
        return config.azure_devops.tracker_name
    if config.kind == "jira" and config.jira:
        return config.jira.tracker_name
    return LocalTracker(settings.epics).name
