"""Azure DevOps: the epics that paydown opened, and the work items below them.

A query (WIQL) returns only ids, in key order and 5,000 at a time; the items themselves come 200 at
a time, with only the fields that are used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from orchestration.landing import Landing
from orchestration.vendors.azure_devops.client import IDS_A_FETCH, Client, tags_of
from orchestration.vendors.azure_devops.settings import AzureDevOpsSourceConfig
from orchestration.vendors.azure_devops.work_item import quoted
from orchestration.vendors.base import Context, iso
from orchestration.vendors.epic_items import EpicSource, Item
from orchestration.vendors.tracker_client import chunks

# A query that finds more than 20,000 items is rejected.
QUERIED = 5_000
# What the contract in models/staging/azure_devops reads. A process may lack some of them, and
# asking for a missing one is an error.
FIELDS = (
    "System.Id", "System.Rev", "System.Title", "System.WorkItemType", "System.State",
    "System.TeamProject", "System.AssignedTo", "System.Tags", "System.Parent",
    "System.CreatedDate", "System.ChangedDate", "Microsoft.VSTS.Common.StateChangeDate",
    "Microsoft.VSTS.Common.ClosedDate", "Microsoft.VSTS.Common.ResolvedDate",
    "Microsoft.VSTS.Scheduling.TargetDate", "Microsoft.VSTS.Scheduling.DueDate",
    "Microsoft.VSTS.Scheduling.CompletedWork",
)  # fmt: skip


class AzureDevOpsSource(EpicSource[Client]):
    """One project, ready to be asked."""

    stream = "work_items"
    chunk = IDS_A_FETCH

    def __init__(self, config: AzureDevOpsSourceConfig, context: Context) -> None:
        super().__init__(config, Client(config, context), context)
        self._config = config
        self._fields: list[str] = []
        self._named: dict[str, str] = {}

    def check(self) -> str:
        found = len(self._query(self._labelled(), top=100))
        count = "at least 100" if found == 100 else str(found)
        return f"{count} work items with the tag {self._config.board_tag}"

    def begin(self, landing: Landing, *, is_sweep: bool) -> datetime:
        """Find the fields that exist and, in a sweep, the meaning of the states."""
        known = self.client.fields()
        now = self.client.now
        names: dict[str, str] = {}
        for field in known:
            names.setdefault(field["name"].casefold(), field["referenceName"])
        names |= {field["referenceName"].casefold(): field["referenceName"] for field in known}
        wanted = self._config.fields.named()
        self._named = {what: names.get(name.casefold(), "") for what, name in wanted.items()}
        self._config.fields.must_exist(landing.source, self._named)
        there = [one for one in FIELDS if one.casefold() in names]
        self._fields = [*dict.fromkeys([*there, *filter(None, self._named.values())])]
        if is_sweep:
            types = sorted(self.client.work_item_types(), key=lambda one: str(one["name"]))
            states = [{"type": one["name"], "states": [*one.get("states", ())]} for one in types]
            landing.replace("states", "all", states)
        return now

    def search(self, parents: Sequence[str], since: datetime | None) -> Iterator[Sequence[Item]]:
        condition = f"[System.Parent] IN ({', '.join(parents)})" if parents else self._labelled()
        if since:
            condition += f" AND [System.ChangedDate] >= '{iso(since)}'"
        after = 0
        while True:
            ids = self._query(condition, after=after, top=QUERIED)
            for chunk in chunks([str(one) for one in ids], IDS_A_FETCH):
                yield [*self.fetch(chunk)]
            if len(ids) < QUERIED:
                return
            after = max(ids)

    def fetch(self, ids: Sequence[str]) -> Iterator[Item]:
        for item in self.client.items(map(int, ids), self._fields):
            values = item["fields"]
            named = {what: values.get(name) for what, name in self._named.items()}
            yield {**item, "named": {**named, "url": self.client.edit_url(item)}}

    def hidden(self, missing: Mapping[str, str]) -> Collection[str]:
        """Deleted items are in the recycle bin. Others may just be hidden from us."""
        return missing.keys() - set(map(str, self.client.deleted([*map(int, missing)])))

    def describe(self, item: Item) -> tuple[str, str, Collection[str]]:
        return str(item["fields"].get("System.TeamProject")), f"{item['rev']}", tags_of(item)

    def _labelled(self) -> str:
        return f"[System.Tags] CONTAINS {quoted(self._config.board_tag)}"

    def _query(self, condition: str, *, top: int, after: int = 0) -> list[int]:
        """Ids in key order; items that vanish meanwhile don't shift pages."""
        where = f"{condition} AND [System.Id] > {after}"
        text = f"SELECT [System.Id] FROM WorkItems WHERE {where} ORDER BY [System.Id]"  # noqa: S608
        # Otherwise times are cut to days.
        return self.client.search(text, **{"$top": top, "timePrecision": "true"})
