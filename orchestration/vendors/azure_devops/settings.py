"""Settings of Azure DevOps: those of the project, common to `sources.yaml` and `tracker.yaml`, and
each file's own."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from orchestration.documents.strict import Number, Strict, matching
from orchestration.http import SourceError
from orchestration.trackers.protocol import Tracker
from orchestration.vendors.base import Context, EnvName, Extractor, Url
from orchestration.vendors.epic_items import EpicSourceConfig, FieldNames

NAME = "azure_devops"
# Fields that paydown or the server writes.
_OURS = r"system\.(title|description|tags|history|state|id|rev|workitemtype)"
_NOT_IN_NAMES = r"""\\/:*?"<>|#;$%&,+=[\]{}'"""

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Project = Annotated[
    Name,
    matching(
        rf"[^_.{_NOT_IN_NAMES}][^{_NOT_IN_NAMES}]*",
        "is not a project's name",
        "write its name or its id, not its address",
    ),
]
Tag = Annotated[
    Name, matching("[^;,]+", "has a character that no tag may have", "write it with hyphens")
]
FieldName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
ExtraField = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][\w-]*(\.[\w-]+)+$", max_length=128),
    matching(rf"(?i)(?!{_OURS}$).+", "is written by paydown itself", "leave it out"),
]
ExtraValue = Annotated[str, Field(strict=True)] | Annotated[bool, Field(strict=True)] | Number
Path = Annotated[str, StringConstraints(max_length=4000)]


class Fields(FieldNames):
    """The fields for an epic's figures, each by its name or its reference name (`Custom.SLOBurn`);
    an empty one is neither filled nor read."""

    slo_burn: FieldName = "SLO Burn"
    score: FieldName = ""
    estimate_days: FieldName = "Microsoft.VSTS.Scheduling.Effort"
    budget_usd: FieldName = ""
    due_date: FieldName = "Microsoft.VSTS.Scheduling.TargetDate"


class WrittenFields(Fields):
    """Those that are set when an epic is opened."""

    target_maturity: FieldName = ""
    risk_id: FieldName = ""


class ReadFields(Fields):
    """Those that are read back."""

    story_points: FieldName = "Microsoft.VSTS.Scheduling.StoryPoints"


class AzureDevOpsProject(Strict):
    """The project's address and access.

    Attributes:
        url: an organization (`https://dev.azure.com/acme`), or a Server's collection
            (`https://tfs.example.com/tfs/DefaultCollection`).
        project: its name, or its id, which survives renaming.
        api_version: the Server's API version; 7.1 is Services and Server 2022.1.
        token_env: the environment variable with an organization-scoped personal access token or
            a token of Microsoft Entra, which may read (for a tracker: and write) work items.
        board_tag: the tag that all epics carry.
    """

    url: Url | None = None
    project: Project | None = None
    api_version: Annotated[str, StringConstraints(pattern=r"^\d\.\d(-preview(\.\d)?)?$")] = "7.1"
    token_env: EnvName = "AZURE_DEVOPS_TOKEN"  # noqa: S105 - a name
    board_tag: Tag = "incident-modernization"


class AzureDevOpsSourceConfig(AzureDevOpsProject, EpicSourceConfig):
    """The section `azure_devops` of sources.yaml: epics read back."""

    fields: ReadFields = ReadFields()

    def extractor(self, context: Context) -> Extractor:
        from orchestration.vendors.azure_devops.source import AzureDevOpsSource

        if self.url is None or self.project is None:
            raise SourceError(
                f"{NAME}: url and project are not set; write `{NAME}: {{url: "
                "https://dev.azure.com/example, project: Modernization}` into sources.yaml"
            )
        return AzureDevOpsSource(self, context)


class OwnerPlace(Strict):
    """Where the epics of one owner go, and their assignee; empty: the project's root, nobody."""

    area_path: Path = ""
    assigned_to: Path = ""


class AzureDevOpsTrackerConfig(AzureDevOpsProject):
    """The section `azure_devops` of tracker.yaml: where epics go, and the fields they fill.

    Attributes:
        owners: where the epics of an owner, named as in the catalog, go.
        extra_fields: values of other fields, such as one that the process requires.
        closed_states: names of states that mean closed; `close` uses the first that the type has;
            by default those of the categories Completed and Removed.
    """

    url: Url
    project: Project
    epic_type: Name = "Epic"
    story_type: Name = "User Story"
    fields: WrittenFields = WrittenFields()
    owners: dict[str, OwnerPlace] = Field(default_factory=dict)
    extra_fields: dict[ExtraField, ExtraValue] = Field(default_factory=dict)
    closed_states: tuple[Name, ...] = ()
    search_lag_seconds: Annotated[Number, Field(ge=0, le=3600)] = 60.0

    @property
    def tracker_name(self) -> str:
        """The instance's name in the ledger; Azure DevOps ignores case."""
        parts = urlsplit(self.url)
        return f"{NAME}:{parts.netloc}{parts.path}/{self.project}".lower()

    def tracker(self, context: Context) -> Tracker:
        """Ready to be asked; nothing is sent yet. AccessError if the token is missing."""
        from orchestration.vendors.azure_devops.tracker import AzureDevOpsTracker

        return AzureDevOpsTracker(self, context)
