"""Settings of Jira: of the site, for `sources.yaml` and `tracker.yaml`, and each file's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, StringConstraints

from orchestration.documents.strict import Number, Strict, matching
from orchestration.http import SourceError
from orchestration.trackers.protocol import Tracker
from orchestration.vendors.base import Context, EnvName, Extractor, Url
from orchestration.vendors.epic_items import EpicSourceConfig, FieldNames

NAME = "jira"
_OWN_FIELDS = "project|issue ?type|summary|description|labels|parent"


class Dialect(NamedTuple):
    """Where the REST APIs of Cloud and Data Center differ only by a word."""

    api: str
    account: str
    assignable: str


_DIALECTS = {
    "cloud": Dialect("/rest/api/3", "accountId", "accountId"),
    "data_center": Dialect("/rest/api/2", "name", "username"),
}


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Label = Annotated[Name, matching(r"\S+", "has a space", "write it with hyphens")]
OtherField = Annotated[
    Name, matching(rf"(?i)(?!({_OWN_FIELDS})$).+", "is filled by paydown", "leave it out")
]
ProjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=255)]


class JiraFields(FieldNames):
    """The fields for an epic's numbers, each by its name or its id in Jira."""

    slo_burn: Name | None = "SLO Burn"
    score: Name | None = None
    estimate_days: Name | None = None
    budget_usd: Name | None = None
    team: Name | None = None


class WrittenFields(JiraFields):
    """Those that are set when an epic is opened."""

    target_maturity: Name | None = None
    risk_id: Name | None = None


class ReadFields(JiraFields):
    """Those that are read back."""

    story_points: Name | None = "Story Points"


class JiraSite(Strict):
    """Jira's address and access.

    Attributes:
        url: the site's address for people.
        api_url: the API's address, if different; Cloud's scoped tokens need
            `https://api.atlassian.com/ex/jira/CLOUD-ID`.
        board_label: the label that all epics carry.
    """

    url: Url | None = None
    api_url: Url | None = None
    deployment: Literal["cloud", "data_center"] = "cloud"
    user_env: EnvName = "JIRA_USER"
    token_env: EnvName = "JIRA_TOKEN"  # noqa: S105 - a name
    board_label: Label = "incident-modernization"

    @property
    def is_cloud(self) -> bool:
        return self.deployment == "cloud"

    @property
    def dialect(self) -> Dialect:
        return _DIALECTS[self.deployment]

    @property
    def api(self) -> str:
        """The base address of the REST API."""
        return f"{self.api_url or self.url}{self.dialect.api}"

    def browse_url(self, issue_key: str) -> str:
        """An issue's address for people: answers have the API's, which people can't open."""
        return f"{self.url}/browse/{issue_key}"


class JiraSourceConfig(JiraSite, EpicSourceConfig):
    """The section `jira` of sources.yaml: epics read back."""

    fields: ReadFields = ReadFields()

    def extractor(self, context: Context) -> Extractor:
        from orchestration.vendors.jira.source import JiraSource

        if self.url is None:
            raise SourceError(
                f"{NAME}: url is not set; write `{NAME}: {{url: https://example.atlassian.net}}` "
                "into sources.yaml"
            )
        return JiraSource(self, context)


class Owner(Strict):
    """A catalog owner's counterpart in Jira.

    assignee: the account id (Cloud) or the user name (Data Center). team: the value of the field
    `team`, if it isn't the owner's name; Cloud's field Team accepts an id.
    """

    assignee: Name | None = None
    component: Name | None = None
    team: Name | None = None


class JiraTrackerConfig(JiraSite):
    """The section `jira` of tracker.yaml: where epics go, and the fields they fill.

    Attributes:
        project: the key of the project for epics; never change it afterwards, since it names the
            tracker in the ledger. Jira itself resolves a former key.
        other_projects: projects that a service may request with its own key.
        priorities: the name of the priority for each band.
        field_values: values of other fields, by name or id, such as required ones.
        done_transition: the transition (or status) that closes an epic; empty for the first one
            that leads to a status of the category Done.
        search_lag_seconds: how long a search may still miss a write.
    """

    url: Url
    project: ProjectKey
    other_projects: tuple[ProjectKey, ...] = ()
    issue_type: Name = "Epic"
    story_type: Name = "Story"
    fields: WrittenFields = WrittenFields()
    priorities: Mapping[str, Name] = Field(default_factory=dict)
    owners: Mapping[str, Owner] = Field(default_factory=dict)
    field_values: Mapping[OtherField, JsonValue] = Field(default_factory=dict)
    done_transition: str = ""
    labels: tuple[Label, ...] = ()
    search_lag_seconds: Annotated[Number, Field(ge=0, le=3600)] = 60

    @property
    def tracker_name(self) -> str:
        """The instance's name in the ledger."""
        return f"{NAME}:{urlsplit(self.url).netloc}/{self.project}"

    def project_of(self, asked: str) -> str:
        """The project for a draft that asks for `asked`, which may be empty."""
        return asked if asked in self.other_projects else self.project

    def tracker(self, context: Context) -> Tracker:
        """Ready to be asked; nothing is sent yet. AccessError if a secret is missing."""
        from orchestration.vendors.jira.tracker import JiraTracker

        return JiraTracker(self, context)
