"""`modernization/tracker.yaml`: which tracker holds the epics, and how it is set up.

Switching to a remote tracker writes nothing there: unless `PAYDOWN_DRY_RUN` is 0, runs only report
what they would do. Secrets are in the environment, never in the file.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from orchestration.documents import load_model
from orchestration.documents.strict import Strict, invalid
from orchestration.http import Patience
from orchestration.settings import Settings
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.protocol import Tracker
from orchestration.vendors.azure_devops import AzureDevOpsTrackerConfig
from orchestration.vendors.base import Context
from orchestration.vendors.jira import JiraTrackerConfig

FILE = "tracker.yaml"


class TrackerConfig(Strict):
    """The tracker, and a section for each remote one; unused ones may stay in the file.

    open: whether an epic opens as soon as its service is promoted, or waits for the review.
    """

    kind: Literal["local", "jira", "azure_devops"] = "local"
    open: Literal["at_once", "after_decision"] = "at_once"
    jira: JiraTrackerConfig | None = None
    azure_devops: AzureDevOpsTrackerConfig | None = None

    @model_validator(mode="after")
    def _has_its_section(self) -> TrackerConfig:
        if self.kind != "local" and self.remote is None:
            raise invalid(
                f"kind is {self.kind}, but there is no section {self.kind}",
                "add the section with url and project, see docs/guides/epics.md",
                ("kind",),
            )
        return self

    @property
    def remote(self) -> JiraTrackerConfig | AzureDevOpsTrackerConfig | None:
        """The section of the remote tracker that holds the epics; None for local files."""
        return {"jira": self.jira, "azure_devops": self.azure_devops}.get(self.kind)

    @property
    def tracker_name(self) -> str:
        """The tracker's name in the ledger, which needs no secret."""
        return self.remote.tracker_name if self.remote else LocalTracker.name


def read_tracker_config(settings: Settings) -> TrackerConfig:
    """The file's settings, or the defaults if there is no file.

    Raises:
        ConfigError: the file is wrong.
        OSError: it can't be read.
    """
    path = settings.modernization / FILE
    return load_model(path, TrackerConfig) if path.exists() else TrackerConfig()


def is_dry_run(settings: Settings, config: TrackerConfig) -> bool:
    """Whether runs only report what they would do: by default, except with local files."""
    return config.kind != "local" if settings.dry_run is None else settings.dry_run


def build_tracker(
    config: TrackerConfig, settings: Settings, patience: Patience | None = None
) -> Tracker:
    """The tracker, ready to be asked; nothing is sent yet.

    Raises:
        AccessError: a secret is missing from the environment.
    """
    if config.remote is None:
        return LocalTracker(settings.epics)
    return config.remote.tracker(Context(patience=patience or Patience()))
