"""Settings of the tracker `jira`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from orchestration.rubric.strict import Number, Strict, fault
from orchestration.vendors.base import EnvName, Url

# What these hold is paydown's own to say.
_OWN_FIELDS = frozenset({"project", "issuetype", "summary", "description", "labels", "parent"})

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
ProjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=255)]


def _label(value: str) -> str:
    if any(char.isspace() for char in value):
        raise fault(f"{value!r} holds a space", "write it with hyphens")
    return value


Label = Annotated[Name, AfterValidator(_label)]


class FieldNames(Strict):
    """The fields that hold an epic's figures and marks, each by its name or its id in Jira."""

    slo_burn: Name | None = "SLO Burn"
    score: Name | None = None
    estimate_days: Name | None = None
    budget_usd: Name | None = None
    team: Name | None = None
    target_maturity: Name | None = None
    risk_id: Name | None = None


class Owner(Strict):
    """What an owner of the catalog is in Jira.

    assignee: the account id (Cloud) or the user name (Data Center). team: what the field `team`
    takes, where it isn't the owner's own name; Cloud's field Team takes an id.
    """

    assignee: Name | None = None
    component: Name | None = None
    team: Name | None = None


class JiraConfig(Strict):
    """Where epics go, and what they fill there.

    Attributes:
        url: the site as people open it.
        api_url: where the API is, if not there; Cloud's scoped tokens need
            `https://api.atlassian.com/ex/jira/CLOUD-ID`.
        project: the key of the project for epics; never changed afterwards, since it names the
            tracker in the ledger. Jira itself follows a project whose key was changed.
        other_projects: projects that a service may ask for by its own key.
        priorities: the name of the priority for each band.
        field_values: values of other fields, by name or id, such as required ones.
        done_transition: the transition (or status) that closes an epic; empty for the first one
            that leads to a status of the category Done.
        board_label: the label that boards select epics by.
        search_lag_seconds: how long after a write a search may still miss it.
    """

    url: Url
    api_url: Url | None = None
    deployment: Literal["cloud", "data_center"] = "cloud"
    project: ProjectKey
    other_projects: tuple[ProjectKey, ...] = ()
    issue_type: Name = "Epic"
    story_type: Name = "Story"
    user_env: EnvName = "JIRA_USER"
    token_env: EnvName = "JIRA_TOKEN"  # noqa: S105 - a name
    fields: FieldNames = FieldNames()
    priorities: Mapping[str, Name] = Field(default_factory=dict)
    owners: Mapping[str, Owner] = Field(default_factory=dict)
    field_values: Mapping[Name, JsonValue] = Field(default_factory=dict)
    done_transition: str = ""
    labels: tuple[Label, ...] = ()
    board_label: Label = "incident-modernization"
    search_lag_seconds: Annotated[Number, Field(ge=0, le=3600)] = 60

    @model_validator(mode="after")
    def _own_fields_stay_ours(self) -> JiraConfig:
        for name in self.field_values:
            if name.lower().replace(" ", "") in _OWN_FIELDS:
                raise fault(
                    f"{name!r} is filled by paydown", "leave it out", ("field_values", name)
                )
        return self

    @property
    def tracker_name(self) -> str:
        """The instance's name in the ledger."""
        return f"jira:{urlsplit(self.url).netloc}/{self.project}"

    @property
    def is_cloud(self) -> bool:
        return self.deployment == "cloud"

    def project_of(self, asked: str) -> str:
        """The project for a draft that asks for `asked`, which may be empty."""
        return asked if asked in self.other_projects else self.project

    def browse_url(self, issue_key: str) -> str:
        return f"{self.url}/browse/{issue_key}"
