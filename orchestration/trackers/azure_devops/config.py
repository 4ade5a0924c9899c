"""Settings of the tracker `azure_devops`."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from orchestration.http import Http, SendWindow, longest_call_seconds
from orchestration.rubric.strict import Number, Strict, fault
from orchestration.trackers.faults import told_as_tracker
from orchestration.vendors.base import Context, EnvName, Url, secret

if TYPE_CHECKING:
    from orchestration.trackers.azure_devops.tracker import AzureDevOpsTracker

NAME = "azure_devops"
# What paydown writes itself, or the server does.
_OURS = frozenset(
    f"system.{name}"
    for name in ("title", "description", "tags", "history", "state", "id", "rev", "workitemtype")
)
# While a call may still do something, no other run may act in its place: it is kept short.
SEND_WITHIN_SECONDS = 120.0
REPLY_SECONDS = 60.0
LONGEST_CALL_SECONDS = longest_call_seconds(SEND_WITHIN_SECONDS, REPLY_SECONDS)


def _project(value: str) -> str:
    if any(mark in value for mark in "\\/:*?\"<>|#;$%&,+=[]{}'") or value.startswith(("_", ".")):
        raise fault(f"{value!r} is no project's name", "write its name or its id, not its address")
    return value


def _not_ours(value: str) -> str:
    if value.lower() in _OURS:
        raise fault(f"{value} is written by paydown itself", "leave it out")
    return value


def _segment(value: str) -> str:
    if "/" in value:
        raise fault(f"{value!r} holds a slash", "leave it out")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
_FIELD = r"[A-Za-z][\w-]*(\.[\w-]+)+"
FieldName = Annotated[str, StringConstraints(pattern=rf"^{_FIELD}$", max_length=128)]
OptionalField = Annotated[str, StringConstraints(pattern=rf"^({_FIELD})?$", max_length=128)]
ExtraField = Annotated[FieldName, AfterValidator(_not_ours)]
ExtraValue = Annotated[str, Field(strict=True)] | Annotated[bool, Field(strict=True)] | Number
Path = Annotated[str, StringConstraints(max_length=4000)]


class Fields(Strict):
    """Reference names (`Custom.SLOBurn`) of the fields to fill; an empty one is not filled."""

    score: OptionalField = ""
    slo_burn: OptionalField = ""
    estimate_days: OptionalField = "Microsoft.VSTS.Scheduling.Effort"
    budget_usd: OptionalField = ""
    target_maturity: OptionalField = ""
    risk_id: OptionalField = ""
    due_date: OptionalField = "Microsoft.VSTS.Scheduling.TargetDate"


class OwnerPlace(Strict):
    """Where the epics of one owner go, and to whom; empty: the project's root, nobody."""

    area_path: Path = ""
    assigned_to: Path = ""


class AzureDevOpsConfig(Strict):
    """One project.

    Attributes:
        url: an organization (`https://dev.azure.com/acme`), or a Server's collection
            (`https://tfs.example.com/tfs/DefaultCollection`).
        project: its name, or its id, which outlives a renaming.
        api_version: what the Server speaks; 7.1 is Services and Server 2022.1.
        token_env: the environment variable with a personal access token that may read and write
            work items. Better a service account's: what its owner does by hand is hard to tell
            from what paydown does.
        owners: where the epics of an owner, as the catalog names it, go.
        extra_fields: values of other fields, such as one that the process requires.
        closed_states: names of states that mean closed, of which `close` takes the first that
            the type has; by default those of the categories Completed and Removed.
        board_tag, query_folder, query_name: the shared query of all open epics.
    """

    url: Url
    project: Annotated[Name, AfterValidator(_project)]
    epic_type: Name = "Epic"
    story_type: Name = "User Story"
    api_version: Annotated[str, StringConstraints(pattern=r"^\d\.\d(-preview(\.\d)?)?$")] = "7.1"
    token_env: EnvName = "AZURE_DEVOPS_TOKEN"  # noqa: S105 - a name
    fields: Fields = Fields()
    owners: dict[str, OwnerPlace] = Field(default_factory=dict)
    extra_fields: dict[ExtraField, ExtraValue] = Field(default_factory=dict)
    closed_states: tuple[Name, ...] = ()
    search_lag_seconds: Annotated[Number, Field(ge=0, le=3600)] = 60.0
    board_tag: Name = "incident-modernization"
    query_folder: Name = "Shared Queries"
    query_name: Annotated[Name, AfterValidator(_segment)] = "Incident modernization"

    @property
    def tracker_name(self) -> str:
        """The instance's name in the ledger; Azure DevOps tells no case apart."""
        parts = urlsplit(self.url)
        return f"{NAME}:{parts.netloc}{parts.path}/{self.project}".lower()

    def tracker(self, context: Context) -> AzureDevOpsTracker:
        """Ready to be asked; nothing is sent yet.

        Raises:
            ForbiddenError: the token is missing from the environment.
        """
        from orchestration.trackers.azure_devops.api import Api
        from orchestration.trackers.azure_devops.tracker import AzureDevOpsTracker

        what = "a personal access token that may read and write work items"
        with told_as_tracker():
            token = secret(context, self.token_env, NAME, what)
        basic = base64.b64encode(f":{token}".encode()).decode()
        window = SendWindow(NAME, SEND_WITHIN_SECONDS, context.patience.sleep)
        http = Http(
            NAME,
            self.url,
            credentials={"Authorization": f"Basic {basic}"},
            # Asks for 401 instead of a page to sign in; not every version keeps to it.
            headers={"X-TFS-FedAuthRedirect": "Suppress"},
            access_hint=(
                f"renew {self.token_env}: a token with the scope Work Items (Read & write), whose "
                f"owner may edit work items and create tags in {self.project}"
            ),
            patience=replace(
                context.patience,
                reply_seconds=min(context.patience.reply_seconds, REPLY_SECONDS),
                sleep=window.sleep,
            ),
            secrets=(token,),
        )
        api = Api(http, window, self.project, self.api_version, secrets=(token, basic))
        return AzureDevOpsTracker(api, self)
