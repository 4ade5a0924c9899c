"""The tracker `azure_devops`: epics as work items; see `orchestration.trackers.protocol`."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from orchestration.http import ConflictError, RefusedError
from orchestration.trackers import protocol
from orchestration.vendors.azure_devops.check import checks
from orchestration.vendors.azure_devops.client import LONGEST_CALL_SECONDS, Client, tags_of
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig
from orchestration.vendors.azure_devops.work_item import (
    Patch,
    Schema,
    change_patch,
    draft_patch,
    quoted,
    tag,
)
from orchestration.vendors.base import Context, moment
from orchestration.vendors.tracker_client import Json

# A query may have 32,000 characters.
_QUERY_CHARACTERS = 24_000
# A removed work item has no closing date.
_CLOSED_AT_FIELDS = ("Microsoft.VSTS.Common.ClosedDate", "Microsoft.VSTS.Common.StateChangeDate")
_STATUS_FIELDS = (
    "System.State",
    "System.CommentCount",
    "System.WorkItemType",
    "System.TeamProject",
    *_CLOSED_AT_FIELDS,
)
_EDIT_ATTEMPTS = 5


class AzureDevOpsTracker:
    """Epics and stories as work items of one project; build it with `AzureDevOpsTrackerConfig`.

    A change is one PATCH, all of it or nothing: comment, score, burn and state, on the revision
    that was read. The comment goes into `System.History`, because the history of a work item can be
    read by id without lag, and nobody can edit or delete it: a change that was sent is found again
    by its mark, whatever people do to the discussion.
    """

    longest_call_seconds = LONGEST_CALL_SECONDS
    is_idempotent = False

    def __init__(self, config: AzureDevOpsTrackerConfig, context: Context) -> None:
        self._client = Client(config, context)
        self._config = config
        self._schema = Schema(self._client)
        self.name = config.tracker_name
        self.search_lag_seconds = config.search_lag_seconds

    def find(self, keys: Collection[str]) -> Mapping[str, protocol.EpicRef]:
        """The work items tagged with one of `keys`; of two with one key, the older one."""
        by_tag = {tag(key).casefold(): key for key in keys}
        found: dict[str, protocol.EpicRef] = {}
        ids = sorted({one for wiql in _tag_queries(by_tag) for one in self._client.search(wiql)})
        items = self._items(ids, ("System.Tags", "System.TeamProject"))
        for item in (items[one] for one in sorted(items)):
            # Azure DevOps keeps the spelling with which a tag was first written.
            for key in filter(None, (by_tag.get(one.casefold()) for one in tags_of(item))):
                ref = self._ref(key, item)
                ours = found.setdefault(key, ref)
                if ours.id != ref.id:
                    found[key] = replace(ours, duplicates=(*ours.duplicates, ref.id))
        return found

    def check(self) -> Sequence[protocol.Check]:
        return [*checks(self._client, self._schema, self._config)]

    def preview(self, draft: protocol.EpicDraft) -> protocol.Preview:
        """The draft as it would be sent, validated by the server (`validateOnly`)."""
        type_name, patch = self._patch(draft)
        self._client.validate(type_name, patch.operations)
        return protocol.Preview(patch.operations, tuple(patch.notes))

    def create(self, draft: protocol.EpicDraft) -> protocol.EpicRef:
        """One request, plus one for the type's fields once per process."""
        with self._client.window.limited():
            type_name, patch = self._patch(draft)
            return self._ref(draft.key, self._client.open(type_name, patch.operations))

    def update(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        with self._client.window.limited():
            self._send_change(ref, change, is_closing=False)

    def close(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        """A work item that a person has reopened since stays open."""
        with self._client.window.limited():
            self._send_change(ref, change, is_closing=True)

    def status(self, refs: Collection[protocol.EpicRef]) -> Mapping[str, protocol.StatusOutcome]:
        """Another request only if work items are gone."""
        outcomes: dict[str, protocol.StatusOutcome] = {}
        ids = [int(ref.id) for ref in refs]
        items = self._items(ids, _STATUS_FIELDS)
        deleted = self._client.deleted([one for one in ids if one not in items])
        for ref, item_id in zip(refs, ids, strict=True):
            if item_id in items:
                outcomes[ref.key] = self._status(items[item_id])
            elif item_id in deleted:
                closed_at = moment(deleted[item_id]["deletedDate"])
                outcomes[ref.key] = protocol.EpicStatus(False, "deleted", ref.url, closed_at)
            else:
                outcomes[ref.key] = RefusedError(
                    f"azure_devops: work item {ref.id!r} is neither readable nor in the recycle "
                    "bin: it was destroyed, or is in a project that the token's owner may not read"
                )
        return outcomes

    def _status(self, item: Json) -> protocol.StatusOutcome:
        fields, url = item["fields"], self._client.edit_url(item)
        try:
            workflow = self._schema.workflow(*_type_of(item))
        except RefusedError as error:
            return error
        version = f"{item['rev']}.{fields.get('System.CommentCount', 0)}"
        state = fields["System.State"]
        if state not in workflow.closed_states(self._config.closed_states):
            return protocol.EpicStatus(True, state, url, version=version)
        at = next(filter(None, map(fields.get, _CLOSED_AT_FIELDS)), None)
        return protocol.EpicStatus(False, state, url, moment(at) if at else None, version)

    def _send_change(
        self, ref: protocol.EpicRef, change: protocol.EpicChange, *, is_closing: bool
    ) -> None:
        item_id = int(ref.id)
        may_be_done = change.is_retry
        for _ in range(1 if is_closing else _EDIT_ATTEMPTS):
            item = self._client.item(item_id)
            if item is None:
                raise RefusedError(
                    f"azure_devops: work item {item_id} was deleted, or may not be read"
                )
            if may_be_done and _holds(self._client.updates(item_id), change.change_id):
                return
            patch = change_patch(change, self._schema.fields(*_type_of(item)), self._config)
            if is_closing:
                names, state = self._config.closed_states, item["fields"]["System.State"]
                workflow = self._schema.workflow(*_type_of(item))
                if state not in workflow.closed_states(names):
                    patch.set("System.State", workflow.target(names))
            if self._client.change(item, patch.operations):
                return
            # The faster writer may have been another run with the same change.
            may_be_done = True
        raise ConflictError(
            f"azure_devops: work item {item_id} keeps changing; the next run tries again"
        )

    def _patch(self, draft: protocol.EpicDraft) -> tuple[str, Patch]:
        """A draft's work item type, and what is sent."""
        type_name = self._config.story_type if draft.parent else self._config.epic_type
        fields = self._schema.fields(self._config.project, type_name)
        return type_name, draft_patch(draft, type_name, fields, self._config)

    def _items(self, ids: Collection[int], fields: Sequence[str]) -> dict[int, Json]:
        return {item["id"]: item for item in self._client.items(ids, fields)}

    def _ref(self, key: str, item: Json) -> protocol.EpicRef:
        return protocol.EpicRef(key, str(item["id"]), self._client.edit_url(item))


def _type_of(item: Json) -> tuple[str, str]:
    return item["fields"]["System.TeamProject"], item["fields"]["System.WorkItemType"]


def _holds(updates: Iterable[Json], change_id: str) -> bool:
    """Whether any comment, even if edited or deleted since, has the change's mark.

    The server may have rewritten its HTML.
    """
    mark = re.compile(rf"(?<![\w-]){re.escape(change_id)}(?![\w-])")
    for update in updates:
        text = ((update.get("fields") or {}).get("System.History") or {}).get("newValue") or ""
        if mark.search(html.unescape(re.sub(r"<[^>]*>", "", str(text)))):
            return True
    return False


def _tag_queries(tags: Iterable[str]) -> Iterator[str]:
    """Queries for work items with any of the tags, each within the safe length."""
    clauses = [f"[System.Tags] CONTAINS {quoted(one)}" for one in tags]
    while clauses:
        sizes = accumulate(len(clause) + len(" OR ") for clause in clauses)
        count = sum(size <= _QUERY_CHARACTERS for size in sizes)
        any_of = " OR ".join(clauses[:count])
        yield (
            "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project "  # noqa: S608
            f"AND ({any_of}) ORDER BY [System.Id]"
        )
        clauses = clauses[count:]
