"""Azure DevOps: the epics that paydown opened, and the work items below them.

A query (WIQL) gives ids only, by key and 5,000 at a time; the items themselves come 200 at a time,
with the fields that something reads and no others.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

from pydantic import AfterValidator, Field, StringConstraints

from orchestration.extract.epic_items import EpicItems, Item, chunks
from orchestration.http import Http, SourceError
from orchestration.landing import Landing
from orchestration.rubric.strict import Number, Strict, fault
from orchestration.vendors.base import Context, EnvName, Hours, SourceConfig, Url, iso, secret

NAME = "azure_devops"
BATCH = 200
# A query that finds more than 20,000 items is refused.
QUERIED = 5_000
# What the contract in models/staging/azure_devops reads. A process may lack some of them, and
# asking for one that isn't there is an error.
FIELDS = (
    "System.Id", "System.Rev", "System.Title", "System.WorkItemType", "System.State",
    "System.TeamProject", "System.AssignedTo", "System.Tags", "System.Parent",
    "System.CreatedDate", "System.ChangedDate", "Microsoft.VSTS.Common.StateChangeDate",
    "Microsoft.VSTS.Common.ClosedDate", "Microsoft.VSTS.Common.ResolvedDate",
    "Microsoft.VSTS.Scheduling.TargetDate", "Microsoft.VSTS.Scheduling.DueDate",
)  # fmt: skip

Json: TypeAlias = dict[str, Any]
OptionalField = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
Project = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


def _tag(value: str) -> str:
    if any(char in ";,'" for char in value):
        raise fault(f"{value!r} holds a character that no tag may", "write it with hyphens")
    return value


Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128),
    AfterValidator(_tag),
]


class AzureDevOpsFields(Strict):
    """The fields that hold an epic's figures, each by its reference name or its name; an empty one
    is not read."""

    slo_burn: OptionalField = "SLO Burn"
    score: OptionalField = ""
    story_points: OptionalField = "Microsoft.VSTS.Scheduling.StoryPoints"
    estimate_days: OptionalField = "Microsoft.VSTS.Scheduling.Effort"
    budget_usd: OptionalField = ""
    due_date: OptionalField = "Microsoft.VSTS.Scheduling.TargetDate"

    def named(self) -> Mapping[str, str]:
        return {what: name for what, name in self.model_dump().items() if name}


class AzureDevOpsConfig(SourceConfig):
    """Where epics are; names and values as in the tracker's settings.

    Attributes:
        url: the organization, such as `https://dev.azure.com/example`, or a server's collection.
        project: the one that epics are opened in; those that were moved are followed.
        api_version: what the Server speaks; 7.1 is Services and Server 2022.1.
        board_tag: the tag that all epics carry.
        overlap_minutes: how much later than its time a change may become visible to a query.
        sweep_hours: how often everything is looked at, which finds what was deleted or moved.
    """

    url: Url | None = None
    project: Project | None = None
    api_version: Annotated[str, StringConstraints(pattern=r"^\d\.\d(-preview(\.\d)?)?$")] = "7.1"
    token_env: EnvName = "AZURE_DEVOPS_TOKEN"  # noqa: S105 - a name
    fields: AzureDevOpsFields = AzureDevOpsFields()
    board_tag: Tag = "incident-modernization"
    overlap_minutes: Annotated[Number, Field(ge=1, le=1440)] = 10
    sweep_hours: Hours = 24

    def extractor(self, context: Context) -> AzureDevOps:
        if self.url is None or self.project is None:
            raise SourceError(
                f"{NAME}: url and project are not set; write `{NAME}: {{url: "
                "https://dev.azure.com/example, project: Modernization}` into sources.yaml"
            )
        token = secret(context, self.token_env, NAME, "a personal access token (Work Items, Read)")
        http = Http(
            NAME,
            f"{self.url}/{quote(self.project, safe='')}/_apis/wit",
            credentials={
                "Authorization": "Basic " + base64.b64encode(f":{token}".encode()).decode()
            },
            # Asks for 401 instead of a page to sign in; not every version keeps to it.
            headers={"X-TFS-FedAuthRedirect": "Suppress"},
            access_hint=f"put a token that may read work items into {self.token_env}",
            patience=context.patience,
        )
        return AzureDevOps(http, self, context)


class AzureDevOps:
    """One project, ready to be asked."""

    stream = "work_items"
    chunk = BATCH

    def __init__(self, http: Http, config: AzureDevOpsConfig, context: Context) -> None:
        self._http = http
        self._config = config
        self._context = context
        self._version: Mapping[str, str] = {"api-version": config.api_version}
        self._fields: list[str] = []
        self._named: dict[str, str] = {}

    @property
    def requests(self) -> int:
        return self._http.requests

    def check(self) -> str:
        found = len(self._query(self._scope(None), top=100))
        count = "at least 100" if found == 100 else str(found)
        return f"{count} work items with the tag {self._config.board_tag}"

    def sync(self, landing: Landing) -> None:
        EpicItems(
            self,
            overlap=timedelta(minutes=float(self._config.overlap_minutes)),
            sweep_every=timedelta(hours=float(self._config.sweep_hours)),
            progress=self._context.progress,
        ).sync(landing)

    def begin(self, landing: Landing, *, is_sweep: bool) -> datetime:
        """Find the fields that there are, and with a sweep what the states mean."""
        reply = self._http.get("/fields", self._version)
        names: dict[str, str] = {}
        for field in _values(reply.data):
            names.setdefault(field["name"].casefold(), field["referenceName"])
        for field in _values(reply.data):
            names[field["referenceName"].casefold()] = field["referenceName"]
        self._named = {
            what: names.get(name.casefold(), "")
            for what, name in self._config.fields.named().items()
        }
        there = [one for one in FIELDS if one.casefold() in names]
        self._fields = [*dict.fromkeys([*there, *filter(None, self._named.values())])]
        if is_sweep:
            self._land_states(landing)
        return reply.date

    def labelled(self, since: datetime | None) -> Iterator[Sequence[Item]]:
        yield from self._search(self._scope(since))

    def below(self, parents: Sequence[str], since: datetime | None) -> Iterator[Sequence[Item]]:
        family = f"[System.Parent] IN ({', '.join(parents)})"
        yield from self._search(f"{family}{_changed(since)}")

    def fetch(self, ids: Sequence[str]) -> Iterator[Item]:
        for chunk in chunks(ids, BATCH):
            body = {
                "ids": [int(one) for one in chunk],
                "fields": self._fields,
                # One that is gone must not fail the others.
                "errorPolicy": "omit",
            }
            reply = self._http.post("/workitemsbatch", body, self._version)
            for item in filter(None, _values(reply.data)):
                values = item["fields"]
                named = {what: values.get(name) for what, name in self._named.items()}
                project = quote(str(values.get("System.TeamProject") or ""), safe="")
                url = f"{self._config.url}/{project}/_workitems/edit/{item['id']}"
                yield {**item, "named": {**named, "url": url}}

    def hidden(self, missing: Mapping[str, str]) -> Collection[str]:
        """What was deleted is in the recycle bin. Anything else may just be hidden from us."""
        reply = self._http.get("/recyclebin", self._version)
        return missing.keys() - {str(one["id"]) for one in _values(reply.data)}

    def name(self, item: Item) -> str:
        return str(item["fields"].get("System.TeamProject"))

    def version(self, item: Item) -> str:
        return f"{item['rev']}"

    def labels(self, item: Item) -> Collection[str]:
        tags = str(item["fields"].get("System.Tags") or "").split(";")
        return [tag.strip() for tag in tags]

    def _scope(self, since: datetime | None) -> str:
        return f"[System.Tags] CONTAINS '{self._config.board_tag}'{_changed(since)}"

    def _search(self, condition: str) -> Iterator[Sequence[Item]]:
        after = 0
        while True:
            ids = self._query(condition, after=after, top=QUERIED)
            for chunk in chunks([str(one) for one in ids], BATCH):
                yield [*self.fetch(chunk)]
            if len(ids) < QUERIED:
                return
            after = max(ids)

    def _query(self, condition: str, *, top: int, after: int = 0) -> list[int]:
        """Ids by key; what goes away meanwhile moves no page."""
        where = f"{condition} AND [System.Id] > {after}"
        text = f"SELECT [System.Id] FROM WorkItems WHERE {where} ORDER BY [System.Id]"  # noqa: S608
        # Otherwise moments are cut to days.
        params = {**self._version, "timePrecision": "true", "$top": top}
        data = self._http.post("/wiql", {"query": text}, params).data
        if not isinstance(data, dict) or not isinstance(data.get("workItems"), list):
            raise SourceError(
                f"{NAME}: not an answer of a query; set the source's url to the organization"
            )
        return [int(one["id"]) for one in data["workItems"]]

    def _land_states(self, landing: Landing) -> None:
        types = _values(self._http.get("/workitemtypes", self._version).data)
        landing.replace(
            "states",
            "all",
            (
                {"type": one["name"], "states": [*one.get("states", ())]}
                for one in sorted(types, key=lambda one: str(one["name"]))
            ),
        )


def _changed(since: datetime | None) -> str:
    return f" AND [System.ChangedDate] >= '{iso(since)}'" if since else ""


def _values(data: Any) -> list[Json]:
    values = data.get("value") if isinstance(data, dict) else data
    if not isinstance(values, list):
        raise SourceError(
            f"{NAME}: not an answer of its API; set the source's url to the organization"
        )
    return values
