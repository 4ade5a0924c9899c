"""Jira, Cloud or Data Center: the epics that paydown opened, and the stories below them.

Epics are found by the board's label. Times in JQL are in the time zone of the user's profile and to
the minute; so changes are requested by minutes back from now, which don't depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from orchestration.http import RefusedError
from orchestration.landing import Landing
from orchestration.vendors.base import Context
from orchestration.vendors.epic_items import EpicSource, Item
from orchestration.vendors.jira.client import Client, jql_string
from orchestration.vendors.jira.fields import EPIC_LINK
from orchestration.vendors.jira.settings import JiraSourceConfig
from orchestration.vendors.tracker_client import Json

# What the contract in models/staging/jira reads; people's texts are not copied.
FIELDS = (
    "summary", "issuetype", "project", "parent", "labels", "status", "resolution", "resolutiondate",
    "statuscategorychangedate", "archiveddate", "assignee", "duedate", "timeoriginalestimate",
    "timespent", "aggregatetimespent", "created", "updated",
)  # fmt: skip


class JiraSource(EpicSource[Client]):
    """One site, ready to be asked."""

    stream = "issues"
    chunk = 50

    def __init__(self, config: JiraSourceConfig, context: Context) -> None:
        super().__init__(config, Client(config, context), context)
        self._config = config
        self._ids: dict[str, Sequence[str]] = {}
        self._epic_link = ""
        self._now = datetime.min

    def check(self) -> str:
        path = "/search/jql" if self._config.is_cloud else "/search"
        body = {"jql": self._query((), None), "fields": ["labels"], "maxResults": 1}
        page = self.client.ask(path, body, issues=list)
        return f"issues with the label {self._config.board_label}: " + (
            "some" if page["issues"] else "none yet, or none that may be browsed"
        )

    def begin(self, landing: Landing, *, is_sweep: bool) -> datetime:
        """Find custom fields by their names, which need not be unique."""
        fields = self.client.listed("/field")
        self._now = self.client.now
        kinds = {(one.get("schema") or {}).get("custom"): one["id"] for one in fields}
        self._epic_link = kinds.get(EPIC_LINK, "")
        names = self._config.fields.named()
        self._ids = {what: _ids(fields, name.casefold()) for what, name in names.items()}
        self._config.fields.must_exist(landing.source, self._ids)
        return self._now

    def search(self, parents: Sequence[str], since: datetime | None) -> Iterator[Sequence[Item]]:
        try:
            for issues in self.client.search(self._query(parents, since), self._fields()):
                yield [self._named(issue) for issue in issues]
        except RefusedError as error:
            # A query fails if it names an issue that is gone.
            left = [str(one["id"]) for one in self.fetch(parents)] if parents else []
            if error.status != 400 or len(left) == len(parents):
                raise
            if left:
                yield from self.search(left, since)

    def fetch(self, ids: Sequence[str]) -> Iterator[Item]:
        for issue in self.client.fetch(ids, self._fields()):
            if "error" not in issue:
                yield self._named(issue)

    def hidden(self, missing: Mapping[str, str]) -> Collection[str]:
        """Jira answers 404 for deleted and for hidden issues; the project shows which."""
        projects = {key.rpartition("-")[0] for key in missing.values()}
        unseen = {one for one in projects if self.client.find(f"/project/{one}") is None}
        return {one for one, key in missing.items() if key.rpartition("-")[0] in unseen}

    def describe(self, item: Item) -> tuple[str, str, Collection[str]]:
        fields = item["fields"]
        return str(item["key"]), str(fields.get("updated")), fields.get("labels") or ()

    def _query(self, parents: Sequence[str], since: datetime | None) -> str:
        query = f"labels = {jql_string(self._config.board_label)}"
        if parents and self._config.is_cloud:
            query = f"parent in ({', '.join(parents)})"
        elif parents:
            keys = ", ".join(jql_string(self._known[one][0]) for one in parents)
            query = f'"Epic Link" in ({keys})'
        if since is None:
            return query
        minutes = math.ceil((self._now - since).total_seconds() / 60) + 1
        return f"{query} AND updated >= -{max(1, minutes)}m"

    def _fields(self) -> list[str]:
        custom = [one for ids in self._ids.values() for one in ids]
        return [*dict.fromkeys([*FIELDS, *custom, *filter(None, [self._epic_link])])]

    def _named(self, issue: Json) -> Json:
        """The issue as received, plus custom fields under our names for them.

        Of several fields of one name, the first with a value.
        """
        values = issue["fields"]
        named = {
            what: next((values[one] for one in ids if values.get(one) is not None), None)
            for what, ids in self._ids.items()
        }
        url = self._config.browse_url(issue["key"])
        return {**issue, "named": {**named, "epic_link": values.get(self._epic_link), "url": url}}


def _ids(fields: Sequence[Json], name: str) -> list[str]:
    """The ids of the fields with this name, translated or not, or this id."""
    names = ("id", "name", "untranslatedName")
    return [one["id"] for one in fields if name in (str(one.get(key)).casefold() for key in names)]
