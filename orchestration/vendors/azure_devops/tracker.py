"""The tracker `azure_devops`: epics as work items; see `orchestration.trackers.protocol`."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from orchestration.trackers.protocol import (
    Check,
    ConflictError,
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    ForbiddenError,
    Preview,
    PreviewOutcome,
    RejectedError,
    StatusOutcome,
    TrackerError,
    UnavailableError,
)
from orchestration.vendors.azure_devops import check
from orchestration.vendors.azure_devops.client import (
    LONGEST_CALL_SECONDS,
    Client,
    Item,
    Json,
    read_item,
)
from orchestration.vendors.azure_devops.errors import ForbiddenPlaceError, azure_devops_errors
from orchestration.vendors.azure_devops.patch import (
    Patch,
    comment,
    draft_patch,
    figures_patch,
    tag,
)
from orchestration.vendors.azure_devops.process import Schema
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig
from orchestration.vendors.base import Context, moment

# A query may have 32,000 characters; a key with what is around it takes some 120 of them.
_QUERY_CHARACTERS = 24_000
# A removed work item has no date of closing.
_CLOSED_AT_FIELDS = ("Microsoft.VSTS.Common.ClosedDate", "Microsoft.VSTS.Common.StateChangeDate")
_STATUS_FIELDS = (
    "System.State",
    "System.CommentCount",
    "System.WorkItemType",
    "System.TeamProject",
    *_CLOSED_AT_FIELDS,
)
_EDIT_ATTEMPTS = 5
_NUMBER = re.compile(r"[1-9]\d{0,9}")


class AzureDevOpsTracker:
    """Epics and stories as work items of one project; build it with `AzureDevOpsTrackerConfig`.

    A change is one PATCH, all of it or nothing: comment, score, burn and state, on the revision
    that was read. The comment goes into `System.History`, because the history of a work item can
    be read by id without lag, and nobody can edit or delete what it says: a change that was sent
    is found again by its mark whatever people do to the discussion.
    """

    # The batch interface isn't part of the published description.
    batch_size = 1
    longest_call_seconds = LONGEST_CALL_SECONDS
    is_idempotent = False

    def __init__(self, config: AzureDevOpsTrackerConfig, context: Context) -> None:
        self._client = Client(config, context, azure_devops_errors)
        self._config = config
        self._schema = Schema(self._client)
        self.name = config.tracker_name
        self.search_lag_seconds = config.search_lag_seconds

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """The work items tagged with one of `keys`; of two with one key, the older one."""
        by_tag = {tag(key).casefold(): key for key in keys}
        found: dict[str, EpicRef] = {}
        ids = [one for wiql in _tag_queries(by_tag) for one in self._client.search(wiql)]
        items = self._items(ids, ("System.Tags", "System.TeamProject")) if ids else {}
        for item in (items[one] for one in sorted(items)):
            # Azure DevOps spells a tag as it was first written by anybody.
            for key in filter(None, (by_tag.get(one.casefold()) for one in item.tags)):
                ref = self._ref(key, item)
                ours = found.setdefault(key, ref)
                if ours.id != ref.id:
                    found[key] = replace(ours, duplicates=(*ours.duplicates, ref.id))
        return found

    def check(self) -> Sequence[Check]:
        """See `Tracker.check`; ends with a draft that the server validates, and the query."""
        return check.checks(self._client, self._schema, self._config)

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        """Each draft as it would be sent, and validated by the server (`validateOnly`)."""
        outcomes: dict[str, PreviewOutcome] = {}
        for draft in drafts:
            try:
                patch = self._patch_of(draft)
                self._send(draft, patch, validate_only=True)
                outcomes[draft.key] = Preview(patch.operations, tuple(patch.notes))
            except (ForbiddenError, UnavailableError):
                raise
            except TrackerError as error:
                outcomes[draft.key] = error
        return outcomes

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        """See `Tracker.create`. One request a draft, besides the type's fields once a process."""
        outcomes: dict[str, CreateOutcome] = {}
        with self._client.window.limited():
            for draft in drafts:
                try:
                    outcomes[draft.key] = self._create(draft)
                except (RejectedError, ConflictError) as error:
                    outcomes[draft.key] = error
        return outcomes

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """See `Tracker.update`."""
        with self._client.window.limited():
            self._send_change(ref, change, is_closing=False)

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        """See `Tracker.close`. A work item that a person reopened since stays open."""
        with self._client.window.limited():
            self._send_change(ref, change, is_closing=True)

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """See `Tracker.status`; another request only where work items are gone."""
        outcomes: dict[str, StatusOutcome] = {}
        numbered = {ref.key: int(ref.id) for ref in refs if _NUMBER.fullmatch(ref.id)}
        items = self._items(numbered.values(), _STATUS_FIELDS)
        deleted = self._client.deleted([one for one in numbered.values() if one not in items])
        for ref in refs:
            item_id = numbered.get(ref.key, 0)
            if item_id in items:
                outcomes[ref.key] = self._status(ref, items[item_id])
            elif item_id in deleted:
                closed_at = _moment(deleted[item_id].get("deletedDate"))
                outcomes[ref.key] = EpicStatus(False, "deleted", ref.url, closed_at)
            else:
                outcomes[ref.key] = RejectedError(
                    f"azure_devops: work item {ref.id!r} is neither readable nor in the recycle "
                    "bin: it was destroyed, or is in a project that the token's owner may not read"
                )
        return outcomes

    def _status(self, ref: EpicRef, item: Item) -> StatusOutcome:
        try:
            workflow = self._schema.workflow(item.project, item.type)
        except ForbiddenError:
            raise
        except TrackerError as error:
            return error
        url = self._url(item)
        if item.state not in workflow.closed_states(self._config.closed_states):
            return EpicStatus(True, item.state, url, version=_version(item))
        at = next(filter(None, map(item.fields.get, _CLOSED_AT_FIELDS)), None)
        return EpicStatus(False, item.state, url, _moment(at), _version(item))

    def _send_change(self, ref: EpicRef, change: EpicChange, *, is_closing: bool) -> None:
        item_id = _id(ref)
        may_be_done = change.is_retry
        for _ in range(_EDIT_ATTEMPTS):
            item = self._client.item(item_id)
            if item is None:
                raise RejectedError(
                    f"azure_devops: work item {item_id} was deleted, or may not be read"
                )
            if may_be_done and _holds(self._client.updates(item_id), change.change_id):
                return
            fields = self._schema.fields(item.project, item.type)
            patch = Patch(figures_patch(change, fields, self._config))
            if is_closing:
                self._add_closing(patch, item)
            patch.operations.append(comment(change))
            if self._client.change(item_id, item.rev, patch.operations):
                return
            if is_closing:
                # Somebody works on it.
                break
            # Whoever was faster may have been another run with the same change.
            may_be_done = True
        raise ConflictError(
            f"azure_devops: work item {item_id} is edited all the time; the next run tries again"
        )

    def _add_closing(self, patch: Patch, item: Item) -> None:
        names = self._config.closed_states
        workflow = self._schema.workflow(item.project, item.type)
        if item.state not in workflow.closed_states(names):
            patch.set("System.State", workflow.target(names))

    def _create(self, draft: EpicDraft) -> EpicRef:
        if draft.parent:
            _id(draft.parent)
        item = self._send(draft, self._patch_of(draft), validate_only=False)
        assert item is not None  # noqa: S101 - only a validation makes none
        return self._ref(draft.key, item)

    def _send(self, draft: EpicDraft, patch: Patch, *, validate_only: bool) -> Item | None:
        """Raises as `Api.create`; ForbiddenError where not even the project's root is allowed."""
        try:
            type_name = self._type_of(draft)
            return self._client.create(type_name, patch.operations, validate_only=validate_only)
        except ForbiddenPlaceError as error:
            place = self._config.owners.get(draft.owner)
            if place and place.area_path:
                raise
            raise ForbiddenError(str(error)) from None

    def _type_of(self, draft: EpicDraft) -> str:
        return self._config.story_type if draft.parent else self._config.epic_type

    def _patch_of(self, draft: EpicDraft) -> Patch:
        type_name = self._type_of(draft)
        fields = self._schema.fields(self._config.project, type_name)
        return draft_patch(draft, type_name, fields, self._config)

    def _items(self, ids: Iterable[int], fields: Sequence[str]) -> dict[int, Item]:
        items = map(read_item, self._client.items(ids, fields))
        return {item.id: item for item in items}

    def _ref(self, key: str, item: Item) -> EpicRef:
        return EpicRef(key, str(item.id), self._url(item))

    def _url(self, item: Item) -> str:
        return self._client.edit_url(item.project, item.id)


def _holds(updates: Iterable[Json], change_id: str) -> bool:
    """Whether a comment of any time, edited or deleted since or not, bears the change's mark.

    The server may have written its HTML anew.
    """
    mark = re.compile(rf"(?<![\w-]){re.escape(change_id)}(?![\w-])")
    for update in updates:
        said = ((update.get("fields") or {}).get("System.History") or {}).get("newValue") or ""
        if mark.search(html.unescape(re.sub(r"<[^>]*>", "", str(said)))):
            return True
    return False


def _id(ref: EpicRef) -> int:
    if not _NUMBER.fullmatch(ref.id):
        raise RejectedError(f"azure_devops: {ref.id!r} is no work item's number")
    return int(ref.id)


def _version(item: Item) -> str:
    return f"{item.rev}.{item.fields.get('System.CommentCount', 0)}"


def _moment(text: Any) -> datetime | None:
    try:
        return moment(text) if text else None
    except ValueError:
        return None


def _tag_queries(tags: Iterable[str]) -> Iterator[str]:
    """Queries for work items with any of the tags, each as long as is safe."""
    head = (
        "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND ({}) "
        "ORDER BY [System.Id]"
    )
    part: list[str] = []
    size = 0
    for one in tags:
        quoted = one.replace("'", "''")
        clause = f"[System.Tags] CONTAINS '{quoted}'"
        if part and size + len(clause) > _QUERY_CHARACTERS:
            yield head.format(" OR ".join(part))
            part, size = [], 0
        part.append(clause)
        size += len(clause) + 4
    if part:
        yield head.format(" OR ".join(part))
