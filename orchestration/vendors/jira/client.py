"""Requests to Jira, for writing epics and for reading them back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from orchestration.http import Reply, longest_call_seconds
from orchestration.http.paging import ByOffset, Page, by_token, pages, steady
from orchestration.trackers.text import one_line
from orchestration.vendors.base import Context, secret, settings_file
from orchestration.vendors.jira.settings import NAME, JiraSite
from orchestration.vendors.tracker_client import Json, TrackerClient, shaped

PAGE = 100
REPLY_SECONDS = 120.0
# Nothing is written later than this after the start of a call, however long Jira asks to wait.
SEND_WITHIN_SECONDS = 240.0
LONGEST_CALL_SECONDS = longest_call_seconds(SEND_WITHIN_SECONDS, REPLY_SECONDS)
# How often Data Center's paging is restarted when issues disappear meanwhile.
_ATTEMPTS = 10


class Client(TrackerClient):
    """One Jira."""

    def __init__(self, site: JiraSite, context: Context) -> None:
        self.site = site
        credentials, self._secrets = _credentials(site, context)
        hint = (
            f"check {site.token_env}, and give its user the permissions that `paydown doctor` lists"
        )
        super().__init__(
            NAME,
            site.api,
            context,
            window_seconds=SEND_WITHIN_SECONDS,
            reply_seconds=REPLY_SECONDS,
            credentials={"Authorization": credentials},
            access_hint=hint,
            settings=settings_file(site),
            secrets=self._secrets,
        )

    def listed(self, path: str, params: Json | None = None) -> list[Json]:
        """As `get`, if Jira answers with a list."""
        reply = self._http.get(path, params)
        self.now = reply.date
        return shaped(f"{NAME}: {path}", {"list": reply.data}, list=list)["list"]

    def issue(self, name: str, params: Json) -> Json | None:
        """An issue by its id or key; None if it is gone, or hidden from us."""
        return self.find(f"/issue/{name}", params, id=str, key=str, fields=dict)

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[list[Json]]:
        """Pages of issues found by a query; the index lags behind writes.

        jql: without an order, since paging needs one that no write changes.
        """
        ordered = f"{jql} ORDER BY created ASC, key ASC"
        body: Json = {"jql": ordered, "fields": [*fields], "maxResults": PAGE}
        if self.site.is_cloud:
            paged: Iterable[Page[Any]] = self._by_token(body)
        else:
            paged = steady(f"{NAME}: search", lambda: [*self._by_offset(body)], _ATTEMPTS)
        yield from (page.records for page in paged)

    def fetch(self, names: Sequence[str], fields: Sequence[str]) -> Iterator[Json]:
        """Those of these issues (at most 100) that exist and are visible, by id, which doesn't lag.

        Jira's errors about single issues have the key `error` instead of `fields`. Data Center is
        asked one by one, because only its search accepts many, and that lags.
        """
        if not self.site.is_cloud:
            asked = (self.issue(name, {"fields": ",".join(fields)}) for name in names)
            yield from filter(None, asked)
            return
        body = {"issueIdsOrKeys": [*names], "fields": [*fields]}
        answer = self.ask("/issue/bulkfetch", body, issues=list)
        yield from answer["issues"]
        for one in answer.get("issueErrors") or ():
            yield {"id": str(one.get("id")), "error": str(one.get("errorMessage") or "no reason")}

    def pages(self, path: str, *names: str, **params: str) -> Iterator[Json]:
        """Items of a list paged by `startAt`, under any of `names`."""
        start = 0
        while True:
            page = self.get(path, {**params, "startAt": start, "maxResults": PAGE})
            name = next((name for name in names if name in page), names[0])
            items = shaped(f"{NAME}: {path}", page, **{name: list})[name]
            yield from items
            start += len(items)
            if not items or page.get("isLast") is True or start >= page.get("total", start + 1):
                return

    def explain(self, errors: Any) -> str:
        """Jira's `errorMessages` and `errors`, as one line without secrets."""
        if not isinstance(errors, dict):
            return ""
        words = [str(text) for text in errors.get("errorMessages") or []]
        words += [f"{name}: {text}" for name, text in (errors.get("errors") or {}).items()]
        text = "; ".join(words)
        for secret_word in self._secrets:
            text = text.replace(secret_word, "***")
        return one_line(text)

    def _by_token(self, body: Json) -> Iterator[Page[str]]:
        def ask(token: str) -> Reply:
            return self._http.post(
                "/search/jql", body | ({"nextPageToken": token} if token else {})
            )

        def following(data: Json) -> str | None:
            return None if data.get("isLast") is True else data.get("nextPageToken")

        return pages(ask, by_token(_issues, following), "")

    def _by_offset(self, body: Json) -> Iterator[Page[int]]:
        style = ByOffset(_issues, lambda data, count: count < int(data.get("total") or 0))
        return pages(lambda at: self._http.post("/search", {**body, "startAt": at}), style, 0)


def jql_string(text: str) -> str:
    """`text` as a JQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _credentials(site: JiraSite, context: Context) -> tuple[str, tuple[str, ...]]:
    """The header, and its secret parts. AccessError if a secret is missing."""
    if not site.is_cloud:
        token = secret(context, site.token_env, NAME, "a personal access token")
        return f"Bearer {token}", (token,)
    user = secret(context, site.user_env, NAME, "the e-mail address of an account")
    token = secret(context, site.token_env, NAME, "an API token of that account")
    encoded = base64.b64encode(f"{user}:{token}".encode()).decode()
    return f"Basic {encoded}", (token, encoded)


def _issues(data: Any) -> list[Json]:
    return shaped(f"{NAME}: search", data, issues=list)["issues"]
