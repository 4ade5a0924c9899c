"""Requests to Jira, for writing epics and for reading them back: pages, shapes, a last moment."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeAlias

from orchestration.http import (
    Http,
    Params,
    RefusedError,
    Reply,
    SendWindow,
    UnavailableError,
    longest_call_seconds,
)
from orchestration.http.paging import ByOffset, MovedError, Page, by_token, pages
from orchestration.trackers.text import one_line
from orchestration.vendors.base import Context, secret
from orchestration.vendors.jira.settings import NAME, JiraSite

Json: TypeAlias = dict[str, Any]

PAGE = 100
REPLY_SECONDS = 120.0
# Nothing is written later than this after a call began, however long Jira asks to wait.
SEND_WITHIN_SECONDS = 240.0
LONGEST_CALL_SECONDS = longest_call_seconds(SEND_WITHIN_SECONDS, REPLY_SECONDS)
# How often Data Center's pages are begun again when issues go away under them.
_ATTEMPTS = 10


class Client:
    """One Jira. Messages of errors hold no secret.

    Args:
        errors: within which every request is made; it may raise other errors than those of `Http`.

    Attributes:
        window: in which calls that write may still send.
    """

    def __init__(
        self,
        site: JiraSite,
        context: Context,
        errors: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.site = site
        self.window = SendWindow(NAME, SEND_WITHIN_SECONDS, context.patience.sleep)
        self._errors = errors
        with errors():
            credentials, self._secrets = _credentials(site, context)
        self._http = Http(
            NAME,
            site.api,
            credentials={"Authorization": credentials},
            access_hint=(
                f"check {site.token_env}, and give its user the permissions that "
                "`paydown doctor` lists"
            ),
            patience=replace(
                context.patience,
                reply_seconds=min(context.patience.reply_seconds, REPLY_SECONDS),
                sleep=self.window.sleep,
            ),
            secrets=self._secrets,
        )

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def get(self, path: str, params: Params | None = None, **parts: type) -> Json:
        """An object; parts: see `_object`."""
        with self._errors():
            return _object(path, self._http.get(path, params).data, **parts)

    def listed(self, path: str, params: Params | None = None) -> list[Json]:
        """As `get`, where Jira answers with a list."""
        with self._errors():
            return _object(path, {"list": self._http.get(path, params).data}, list=list)["list"]

    def find(self, path: str, params: Params | None = None, **parts: type) -> Json | None:
        """As `get`; None where there is no such thing, or it is hidden from us."""
        with self._errors():
            reply = self._http.find(path, params)
            return _object(path, reply.data, **parts) if reply else None

    def issue(self, name: str, params: Params) -> Json | None:
        """An issue by its id or key; None where it is gone, or hidden from us."""
        return self.find(f"/issue/{name}", params, id=str, key=str, fields=dict)

    def fields(self) -> tuple[list[Json], Any]:
        """All fields, and the server's clock (an aware datetime)."""
        with self._errors():
            reply = self._http.get("/field")
            return _object("/field", {"list": reply.data}, list=list)["list"], reply.date

    def ask(self, path: str, body: Any, params: Params | None = None, **parts: type) -> Json:
        """A question that is a POST."""
        with self._errors():
            return _object(path, self._http.post(path, body, params).data, **parts)

    def write(self, method: str, path: str, body: Any, *, is_bulk: bool = False) -> Any:
        """is_bulk: a 400 that lists `errors` of single elements is an answer too."""
        with self._errors():
            self.window.check()
            try:
                return self._http.write(method, path, body).data
            except RefusedError as error:
                data = error.data if isinstance(error.data, dict) else {}
                if not is_bulk or error.status != 400 or not isinstance(data.get("errors"), list):
                    raise
                return data

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[list[Json]]:
        """Pages of issues that a query finds; the index lags behind writes.

        jql: with an order that no write changes, so that no page moves while it is read.
        """
        body: Json = {"jql": jql, "fields": [*fields], "maxResults": PAGE}
        with self._errors():
            for _ in range(_ATTEMPTS):
                try:
                    paged = self._by_token(body) if self.site.is_cloud else self._by_offset(body)
                    yield from (page.records for page in paged)
                    return
                except MovedError:
                    continue
            raise UnavailableError(
                f"{NAME}: issues keep going away while they are read; try again later"
            )

    def fetch(self, names: Sequence[str], fields: Sequence[str]) -> Iterator[Json]:
        """Those of these issues (at most 100) that exist and may be seen, by id, which doesn't lag.

        Jira's errors about single issues come with the key `error` instead of `fields`.
        """
        if not self.site.is_cloud:
            for name in names:
                if issue := self.issue(name, {"fields": ",".join(fields)}):
                    yield issue
            return
        body = {"issueIdsOrKeys": [*names], "fields": [*fields]}
        answer = self.ask("/issue/bulkfetch", body, issues=list)
        yield from answer["issues"]
        for one in answer.get("issueErrors") or ():
            yield {"id": str(one.get("id")), "error": str(one.get("errorMessage") or "no reason")}

    def pages(self, path: str, names: Sequence[str], **params: str) -> Iterator[Json]:
        """Items of a list that is paged by `startAt`, under whichever of `names` it calls them."""
        start = 0
        while True:
            page = self.get(path, {**params, "startAt": start, "maxResults": PAGE})
            name = next((name for name in names if name in page), names[0])
            with self._errors():
                items = _object(path, page, **{name: list})[name]
            yield from items
            start += len(items)
            if not items or page.get("isLast") is True or start >= page.get("total", start + 1):
                return

    def explain(self, errors: Any) -> str:
        """What Jira says in `errorMessages` and `errors`, as one line without secrets."""
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
    """`text` as a string of JQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _credentials(site: JiraSite, context: Context) -> tuple[str, tuple[str, ...]]:
    """The header, and what of it must never be shown. AccessError where a secret is missing."""
    if not site.is_cloud:
        token = secret(context, site.token_env, NAME, "a personal access token")
        return f"Bearer {token}", (token,)
    user = secret(context, site.user_env, NAME, "the e-mail address of an account")
    token = secret(context, site.token_env, NAME, "an API token of that account")
    encoded = base64.b64encode(f"{user}:{token}".encode()).decode()
    return f"Basic {encoded}", (token, encoded)


def _object(path: str, data: Any, **parts: type) -> Json:
    """`data`, the object that Jira answers with; parts: what it always holds, and of which type.

    Raises:
        UnavailableError: it is something else, of which nothing may be concluded.
    """
    if isinstance(data, dict):
        missing = [name for name, kind in parts.items() if not isinstance(data.get(name), kind)]
        if not missing:
            return data
    without = f"without {', '.join(missing)}" if isinstance(data, dict) else "with no object"
    raise UnavailableError(
        f"{NAME}: {path}: answered {without}; see that nothing else answers at that address"
    )


def _issues(data: Any) -> list[Json]:
    return _object("search", data, issues=list)["issues"]
