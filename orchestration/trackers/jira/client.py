"""Requests to Jira as trackers need them: faults as the protocol's, pages, and a last moment."""

from __future__ import annotations

import base64
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from orchestration.http import (
    Http,
    Params,
    Patience,
    RefusedError,
    Reply,
    SendWindow,
    longest_call_seconds,
)
from orchestration.trackers.faults import told_as_tracker
from orchestration.trackers.jira.config import JiraConfig
from orchestration.trackers.protocol import TrackerError, UnavailableError
from orchestration.trackers.text import one_line
from orchestration.vendors.base import Context, secret

Json: TypeAlias = dict[str, Any]

PAGE = 100
REPLY_SECONDS = 120.0
# Nothing is sent later than this after a call began, however long Jira asks to wait.
SEND_WITHIN_SECONDS = 240.0
LONGEST_CALL_SECONDS = longest_call_seconds(SEND_WITHIN_SECONDS, REPLY_SECONDS)


class Client:
    """One Jira. Methods raise the protocol's errors; messages hold no secret.

    window: in which calls that write may still send.
    """

    def __init__(
        self, config: JiraConfig, environment: Mapping[str, str], patience: Patience
    ) -> None:
        self.config = config
        self.window = SendWindow("jira", SEND_WITHIN_SECONDS, patience.sleep)
        self._secrets: tuple[str, ...] = ()
        self._myself: Json | None = None
        with self._told():
            credentials = self._credentials(Context(environment=environment))
        self._http = Http(
            "jira",
            (config.api_url or config.url) + ("/rest/api/3" if config.is_cloud else "/rest/api/2"),
            credentials={"Authorization": credentials},
            access_hint=(
                f"check {config.token_env}, and give its user the permissions that "
                "`paydown doctor` lists"
            ),
            patience=replace(
                patience,
                reply_seconds=min(patience.reply_seconds, REPLY_SECONDS),
                sleep=self.window.sleep,
            ),
            secrets=self._secrets,
        )

    @property
    def requests(self) -> int:
        return self._http.requests

    def get(self, path: str, params: Params | None = None) -> Json:
        with self._told():
            return answered(path, self._http.get(path, params).data)

    def listed(self, path: str, params: Params | None = None) -> list[Json]:
        """As `get`, where Jira answers with a list."""
        with self._told():
            data = self._http.get(path, params).data
        return answered(path, {"list": data}, list=list)["list"]

    def find(self, path: str, params: Params | None = None, **parts: type) -> Json | None:
        """As `get`; None where there is no such thing, or it is hidden from us.

        parts: see `answered`.
        """
        with self._told():
            reply = self._http.find(path, params)
        return answered(path, reply.data, **parts) if reply else None

    def issue(self, name: str, params: Params) -> Json | None:
        """An issue by its id or key; None where it is gone, or hidden from us."""
        return self.find(f"/issue/{name}", params, id=str, key=str, fields=dict)

    def ask(self, path: str, body: Any, params: Params | None = None, **parts: type) -> Json:
        """A question that is a POST; parts: see `answered`."""
        with self._told():
            return answered(path, self._http.post(path, body, params).data, **parts)

    def write(self, method: str, path: str, body: Any) -> Any:
        with self._told():
            return self._written(method, path, body).data

    def write_or_refused(self, method: str, path: str, body: Any) -> Any:
        """As `write`, but a 400 that lists `errors` of single elements is an answer too."""
        with self._told():
            try:
                return self._written(method, path, body).data
            except RefusedError as error:
                data = error.data if isinstance(error.data, dict) else {}
                if error.status != 400 or not isinstance(data.get("errors"), list):
                    raise
                return data

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[Json]:
        """Issues that a query finds, a page at a time; the index lags behind writes."""
        if self.config.is_cloud:
            yield from self._search_by_token(jql, fields)
            return
        start = 0
        while True:
            body = {"jql": jql, "fields": [*fields], "startAt": start, "maxResults": PAGE}
            page = self.ask("/search", body, issues=list)
            issues = page["issues"]
            yield from issues
            start += len(issues)
            if not issues or start >= int(page.get("total") or 0):
                return

    def pages(self, path: str, names: Sequence[str], **params: str) -> Iterator[Json]:
        """Items of a list that is paged by `startAt`, under whichever of `names` it calls them."""
        start = 0
        while True:
            page = self.get(path, {**params, "startAt": start, "maxResults": PAGE})
            name = next((name for name in names if name in page), names[0])
            items = answered(path, page, **{name: list})[name]
            yield from items
            start += len(items)
            if not items or page.get("isLast") is True or start >= page.get("total", start + 1):
                return

    def myself(self) -> Json:
        """The account that we write as, asked once."""
        if self._myself is None:
            name = "accountId" if self.config.is_cloud else "name"
            self._myself = answered("/myself", self.get("/myself"), **{name: str})
        return self._myself

    def is_me(self, person: Json | None) -> bool:
        me, other = self.myself(), person or {}
        names = ("accountId",) if self.config.is_cloud else ("key", "name")
        return any(me.get(name) and me.get(name) == other.get(name) for name in names)

    def said(self, errors: Any) -> str:
        """What Jira says in `errorMessages` and `errors`, as one line without secrets."""
        if not isinstance(errors, dict):
            return ""
        words = [str(text) for text in errors.get("errorMessages") or []]
        words += [f"{name}: {text}" for name, text in (errors.get("errors") or {}).items()]
        return one_line(self._clean("; ".join(words)))

    def _search_by_token(self, jql: str, fields: Sequence[str]) -> Iterator[Json]:
        body: Json = {"jql": jql, "fields": [*fields], "maxResults": PAGE}
        seen: set[str] = set()
        while True:
            page = self.ask("/search/jql", body, issues=list)
            yield from page["issues"]
            token = page.get("nextPageToken")
            if not token or page.get("isLast") is True:
                return
            if token in seen:
                raise UnavailableError("jira: its search goes round in circles; try again later")
            seen.add(token)
            body = {**body, "nextPageToken": token}

    def _written(self, method: str, path: str, body: Any) -> Reply:
        self.window.check()
        return self._http.write(method, path, body)

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            with told_as_tracker():
                yield
        except TrackerError as error:
            raise type(error)(self._clean(str(error))) from None

    def _clean(self, text: str) -> str:
        for word in self._secrets:
            text = text.replace(word, "***")
        return text

    def _credentials(self, context: Context) -> str:
        token = secret(context, self.config.token_env, "jira", "an API token")
        if not self.config.is_cloud:
            self._secrets = (token,)
            return f"Bearer {token}"
        user = secret(context, self.config.user_env, "jira", "the e-mail address of its account")
        encoded = base64.b64encode(f"{user}:{token}".encode()).decode()
        self._secrets = (token, encoded)
        return f"Basic {encoded}"


def answered(path: str, data: Any, **parts: type) -> Json:
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
        f"jira: {path}: answered {without}; see that nothing else answers at that address"
    )
