"""Jira, Cloud or Data Center: the epics that paydown opened, and the stories below them.

Epics are found by the board's label. Moments in JQL are in the time zone of the user's profile and
to the minute; so changes are asked for by minutes back from now, which mean the same to everybody.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

from orchestration.extract.epic_items import EpicItems, Item, chunks
from orchestration.http import Http, RefusedError, SourceError
from orchestration.landing import Landing
from orchestration.rubric.strict import Number, Strict, fault
from orchestration.vendors.base import Context, EnvName, Hours, SourceConfig, Url, secret

NAME = "jira"
PAGE = 100
# How often Data Center's pages are begun anew when issues go away under them.
ATTEMPTS = 10
EPIC_LINK = "com.pyxis.greenhopper.jira:gh-epic-link"
# What the contract in models/staging/jira reads; people's words stay where they are.
FIELDS = (
    "summary", "issuetype", "project", "parent", "labels", "status", "resolution", "resolutiondate",
    "statuscategorychangedate", "archiveddate", "assignee", "duedate", "timeoriginalestimate",
    "created", "updated",
)  # fmt: skip

Json: TypeAlias = dict[str, Any]
FieldName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def _label(value: str) -> str:
    if any(char.isspace() or char in '"\\' for char in value):
        raise fault(f"{value!r} holds a space or a quote", "write it with hyphens")
    return value


Label = Annotated[FieldName, AfterValidator(_label)]


class JiraFields(Strict):
    """The fields that hold an epic's figures, each by its name or its id in Jira."""

    slo_burn: FieldName | None = "SLO Burn"
    score: FieldName | None = None
    story_points: FieldName | None = "Story Points"
    estimate_days: FieldName | None = None
    budget_usd: FieldName | None = None
    team: FieldName | None = None

    def named(self) -> Mapping[str, str]:
        return {what: name for what, name in self.model_dump().items() if name}


class JiraConfig(SourceConfig):
    """Where epics are; names and values as in the tracker's settings.

    Attributes:
        url: the site as people open it.
        api_url: where the API is, if not there; Cloud's scoped tokens need
            `https://api.atlassian.com/ex/jira/CLOUD-ID`.
        board_label: the label that all epics carry.
        overlap_minutes: how much later than its time a change may become visible to a search.
        sweep_hours: how often everything is looked at, which finds what was deleted or moved.
    """

    url: Url | None = None
    api_url: Url | None = None
    deployment: Literal["cloud", "data_center"] = "cloud"
    user_env: EnvName = "JIRA_USER"
    token_env: EnvName = "JIRA_TOKEN"  # noqa: S105 - a name
    fields: JiraFields = JiraFields()
    board_label: Label = "incident-modernization"
    overlap_minutes: Annotated[Number, Field(ge=1, le=1440)] = 10
    sweep_hours: Hours = 24

    @property
    def is_cloud(self) -> bool:
        return self.deployment == "cloud"

    def extractor(self, context: Context) -> Jira:
        if self.url is None:
            raise SourceError(
                f"{NAME}: url is not set; write `{NAME}: {{url: https://example.atlassian.net}}` "
                "into sources.yaml"
            )
        http = Http(
            NAME,
            (self.api_url or self.url) + ("/rest/api/3" if self.is_cloud else "/rest/api/2"),
            credentials={"Authorization": self._credentials(context)},
            access_hint=f"check {self.token_env}, and let its user browse the epics' projects",
            patience=context.patience,
        )
        return Jira(http, self, context)

    def _credentials(self, context: Context) -> str:
        if not self.is_cloud:
            return f"Bearer {secret(context, self.token_env, NAME, 'a personal access token')}"
        user = secret(context, self.user_env, NAME, "the e-mail address of an account")
        token = secret(context, self.token_env, NAME, "an API token of that account")
        return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


class Jira:
    """One site, ready to be asked."""

    stream = "issues"
    chunk = 50

    def __init__(self, http: Http, config: JiraConfig, context: Context) -> None:
        self._http = http
        self._config = config
        self._context = context
        self._ids: dict[str, tuple[str, ...]] = {}
        self._epic_link = ""
        self._now = datetime.min
        self._issue_keys: dict[str, str] = {}

    @property
    def requests(self) -> int:
        return self._http.requests

    def check(self) -> str:
        page = self._http.post(
            "/search/jql" if self._config.is_cloud else "/search",
            {"jql": self._scope(None), "fields": ["labels"], "maxResults": 1},
        ).data
        return f"issues with the label {self._config.board_label}: " + (
            "some" if page.get("issues") else "none yet, or none that may be browsed"
        )

    def sync(self, landing: Landing) -> None:
        self._issue_keys = {
            one: state[0] for one, state in landing.cursors.get("known", {}).items()
        }
        EpicItems(
            self,
            overlap=timedelta(minutes=float(self._config.overlap_minutes)),
            sweep_every=timedelta(hours=float(self._config.sweep_hours)),
            progress=self._context.progress,
        ).sync(landing)

    def begin(self, landing: Landing, *, is_sweep: bool) -> datetime:
        """Find custom fields by their names; a name may be that of several."""
        reply = self._http.get("/field")
        names: dict[str, list[str]] = {}
        for field in reply.data:
            if (field.get("schema") or {}).get("custom") == EPIC_LINK:
                self._epic_link = field["id"]
            for word in {field["id"], field.get("name") or "", field.get("untranslatedName") or ""}:
                names.setdefault(word.casefold(), []).append(field["id"])
        self._ids = {
            what: tuple(names.get(name.casefold(), ()))
            for what, name in self._config.fields.named().items()
        }
        self._now = reply.date
        return reply.date

    def labelled(self, since: datetime | None) -> Iterator[Sequence[Item]]:
        yield from self._search(self._scope(since))

    def below(self, parents: Sequence[str], since: datetime | None) -> Iterator[Sequence[Item]]:
        there = list(parents)
        while there:
            try:
                yield from self._search(self._family(there, since))
                return
            except RefusedError as error:
                # A query that names an issue that is gone is an error as a whole.
                left = [str(one["id"]) for one in self.fetch(there)]
                if error.status != 400 or len(left) == len(there):
                    raise
                there = left

    def fetch(self, ids: Sequence[str]) -> Iterator[Item]:
        if not self._config.is_cloud:
            fields = {"fields": ",".join(self._fields())}
            for one in ids:
                if reply := self._http.find(f"/issue/{one}", fields):
                    yield self._named(reply.data)
            return
        for chunk in chunks(ids, PAGE):
            body = {"issueIdsOrKeys": [*chunk], "fields": self._fields()}
            for issue in self._http.post("/issue/bulkfetch", body).data.get("issues") or ():
                yield self._named(issue)

    def hidden(self, missing: Mapping[str, str]) -> Collection[str]:
        """Jira says the same of what is gone and what we may not see; its project tells."""
        projects = {key.rpartition("-")[0] for key in missing.values()}
        unseen = {one for one in projects if self._http.find(f"/project/{one}") is None}
        return {one for one, key in missing.items() if key.rpartition("-")[0] in unseen}

    def name(self, item: Item) -> str:
        return str(item["key"])

    def version(self, item: Item) -> str:
        return str(item["fields"].get("updated"))

    def labels(self, item: Item) -> Collection[str]:
        return item["fields"].get("labels") or ()

    def _scope(self, since: datetime | None) -> str:
        return f'labels = "{self._config.board_label}"{self._changed(since)}'

    def _family(self, parents: Sequence[str], since: datetime | None) -> str:
        if self._config.is_cloud:
            return f"parent in ({', '.join(parents)}){self._changed(since)}"
        keys = ", ".join(f'"{self._issue_keys[one]}"' for one in parents)
        return f'"Epic Link" in ({keys}){self._changed(since)}'

    def _changed(self, since: datetime | None) -> str:
        if since is None:
            return ""
        minutes = math.ceil((self._now - since).total_seconds() / 60) + 1
        return f" AND updated >= -{max(1, minutes)}m"

    def _fields(self) -> list[str]:
        custom = [one for ids in self._ids.values() for one in ids]
        return [*dict.fromkeys([*FIELDS, *custom, *filter(None, [self._epic_link])])]

    def _named(self, issue: Json) -> Json:
        """The issue as it came, with custom fields beside it under what they mean to us.

        Of several fields of one name, the first that holds something.
        """
        self._issue_keys[str(issue["id"])] = issue["key"]
        values = issue["fields"]
        named = {
            what: next((values[one] for one in ids if values.get(one) is not None), None)
            for what, ids in self._ids.items()
        }
        url = f"{self._config.url}/browse/{issue['key']}"
        return {**issue, "named": {**named, "epic_link": values.get(self._epic_link), "url": url}}

    def _search(self, jql: str) -> Iterator[Sequence[Item]]:
        # An order that nothing changes, so that no page moves under us.
        body: Json = {
            "jql": f"{jql} ORDER BY created ASC, key ASC",
            "fields": self._fields(),
            "maxResults": PAGE,
        }
        pages = self._by_token(body) if self._config.is_cloud else self._by_offset(body)
        for issues in pages:
            yield [self._named(issue) for issue in issues]

    def _by_token(self, body: Json) -> Iterator[list[Json]]:
        seen: set[str] = set()
        while True:
            page = self._http.post("/search/jql", body).data
            yield _issues(page)
            token = page.get("nextPageToken")
            if not token or page.get("isLast") is True:
                return
            if token in seen:
                raise SourceError(f"{NAME}: its search goes round in circles; try again later")
            seen.add(token)
            body = {**body, "nextPageToken": token}

    def _by_offset(self, body: Json) -> Iterator[list[Json]]:
        """Each page begins with the last issue of the one before.

        Where it doesn't, an issue before it went away and others moved up: all is asked anew.
        """
        for _ in range(ATTEMPTS):
            start, last = 0, None
            while True:
                page = self._http.post("/search", {**body, "startAt": start}).data
                issues = _issues(page)
                if last is not None and (not issues or issues[0]["id"] != last):
                    break
                yield issues
                start += len(issues) - 1
                # The server may give fewer than asked for; a page of the last issue alone ends it.
                if len(issues) <= (last is not None) or start + 1 >= int(page.get("total") or 0):
                    return
                last = issues[-1]["id"]
        raise SourceError(f"{NAME}: issues keep going away while they are read; try again later")


def _issues(page: Any) -> list[Json]:
    issues = page.get("issues") if isinstance(page, dict) else None
    if not isinstance(issues, list):
        raise SourceError(
            f"{NAME}: not an answer of Jira's search; set the source's url to the site"
        )
    return issues
