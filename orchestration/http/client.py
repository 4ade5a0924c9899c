"""The HTTP client: JSON in and out, patient with limits and failures, silent on secrets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_exponential_jitter

from orchestration.http.answers import (
    Reply,
    RetryableError,
    is_sign_in,
    json_or_none,
    read_body,
    reset_after,
    retry_after,
    server_time,
)
from orchestration.http.errors import (
    TRY_AGAIN,
    AccessError,
    ConflictError,
    RefusedError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)

Params = Mapping[str, str | int | Sequence[str]] | Sequence[tuple[str, str | int]]

CONNECT_SECONDS = 10
READ_SECONDS = 60
# A server that sends a byte now and then would block a run forever.
REPLY_SECONDS = 300
ATTEMPTS = 7
# If a server was never reached, its address is more likely wrong than the server down.
UNKNOWN_ATTEMPTS = 3
BACKOFF = wait_exponential_jitter(initial=1, max=60, jitter=2)
# A server that asks for a longer wait is left to the next sync.
MAX_WAIT_SECONDS = 900
SHOWN_CHARACTERS = 300
CONFLICTS = (409, 412)
# Such as "Instance Hibernating page".
TITLE = re.compile(r"<title[^>]*>([^<]{1,80})", re.IGNORECASE)
BROKEN_OFF = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)


@dataclass(frozen=True)
class Patience:
    """How long to try. Tests use less of everything."""

    attempts: int = ATTEMPTS
    reply_seconds: float = REPLY_SECONDS
    max_wait_seconds: float = MAX_WAIT_SECONDS
    backoff: Callable[[RetryCallState], float] = BACKOFF
    sleep: Callable[[float], None] = time.sleep


class _Headers(AuthBase):
    """Sends the credentials, and keeps requests from using others from ~/.netrc."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self._headers)
        return r


class Http:
    """Asks one server.

    Args:
        name: what messages call the server, such as `pagerduty`.
        url: where its API begins; paths are appended to it.
        credentials: headers with secrets, sent to this server only: a redirect is an error and
            never followed.
        headers: other headers of every request.
        access_hint: what to do after a 401 or 403, such as "give PAGERDUTY_TOKEN read access".
        settings: the file or variables that `url` comes from.
        secrets: what else is removed from messages, such as a token that credentials hold encoded.
        explain: turns a refusal by the server into a clearer error.
        decode: reads a body; raises ValueError if it isn't JSON, and then the request is retried.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        credentials: Mapping[str, str],
        access_hint: str,
        settings: str,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        secrets: Sequence[str] = (),
        explain: Callable[[AccessError | RefusedError], SourceError] = lambda error: error,
        decode: Callable[[bytes], Any] = json.loads,
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.requests = 0
        self._was_reached = False
        self._patience = patience or Patience()
        self._access_hint, self._settings = access_hint, settings
        self._explain, self._decode = explain, decode
        words = [word for value in credentials.values() for word in value.split()[-1:]]
        # PagerDuty's are written `Token token=...`.
        self._secrets = [*(word.removeprefix("token=") for word in words), *secrets]
        self._not_before = 0.0
        self._session = requests.Session()
        self._session.auth = _Headers(credentials)
        self._session.headers.update({"Accept": "application/json", **(headers or {})})

    def get(self, path: str, params: Params | None = None) -> Reply:
        """GET `path` below the API's address.

        Raises:
            AccessError: 401 or 403.
            UnavailableError: no usable answer in the time allowed.
            RefusedError: any other refusal.
        """
        return self._ask("GET", path, params=params)

    def find(self, path: str, params: Params | None = None) -> Reply | None:
        """As `get`, but None if the server says that it doesn't exist (404, 410)."""
        try:
            return self.get(path, params)
        except RefusedError as error:
            if error.status in (404, 410):
                return None
            raise

    def post(self, path: str, body: Any, params: Params | None = None) -> Reply:
        """POST a JSON body; for searches only, since it is sent again after a failure."""
        return self._ask("POST", path, params=params, json=body)

    def write(
        self,
        method: str,
        path: str,
        body: Any,
        params: Params | None = None,
        *,
        content_type: str = "application/json",
    ) -> Reply:
        """Send a JSON body that changes something; retried only if the server did nothing.

        Raises:
            UnknownOutcomeError: it may have been done.
            RefusedError: the server refused, and did nothing.
            AccessError, UnavailableError: as `get`; nothing was done.
        """
        headers = {"Content-Type": content_type}
        return self._ask(method, path, params=params, json=body, headers=headers, is_write=True)

    def _ask(self, method: str, path: str, *, is_write: bool = False, **request: Any) -> Reply:
        retrying = Retrying(
            retry=retry_if_exception(
                lambda e: isinstance(e, RetryableError) and (e.is_harmless or not is_write)
            ),
            stop=self._is_enough,
            wait=self._wait,
            sleep=self._patience.sleep,
            reraise=True,
        )
        what = f"{self.name}: {method} {path}"
        try:
            return retrying(self._ask_once, what, method, path, request)
        except (AccessError, RefusedError) as error:
            raise self._explain(error) from None
        except RetryableError as error:
            if is_write and not error.is_harmless:
                raise UnknownOutcomeError(self._clean(f"{what}: {error}")) from None
            times = f"{retrying.statistics['attempt_number']} times over"
            raise UnavailableError(self._clean(f"{what}: {error}, {times}; {error.fix}")) from None

    def _ask_once(self, what: str, method: str, path: str, request: Mapping[str, Any]) -> Reply:
        self._pause()
        self.requests += 1
        deadline = time.monotonic() + self._patience.reply_seconds
        try:
            with self._session.request(
                method,
                self.url + path,
                **request,
                timeout=(CONNECT_SECONDS, min(READ_SECONDS, self._patience.reply_seconds)),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._was_reached = True
                content = read_body(response, deadline, what)
        except BROKEN_OFF as error:
            # Its message may hold the query; its class says what happened.
            kind = type(error).__name__
            if not _never_sent(error):
                self._was_reached = True
                raise RetryableError(f"no complete answer ({kind})") from None
            raise RetryableError(
                f"nothing answers at {self.url} ({kind})",
                is_harmless=True,
                fix=f"correct the url in {self._settings}, or let this machine reach it",
            ) from None
        except requests.RequestException as error:
            raise RefusedError(
                self._clean(f"{what}: {error}; correct the url in {self._settings}")
            ) from None
        self._pause_later(reset_after(response.headers))
        return self._judge(response, content, what)

    def _judge(self, response: requests.Response, content: bytes, what: str) -> Reply:
        status = response.status_code
        if status == 429 or status >= 500:
            raise RetryableError(
                f"answered {status}", retry_after(response.headers), is_harmless=status == 429
            )
        # Cleaned before it is cut: the beginning of a cut secret would be shown.
        body = self._clean(content.decode(errors="replace")) if status >= 400 else ""
        if status in (401, 403):
            hint = f"{what}: answered {status}; {self._access_hint}"
            raise AccessError(hint, json_or_none(body))
        if is_sign_in(response):
            raise AccessError(f"{what}: answered with a page to sign in; {self._access_hint}")
        if 300 <= status < 400:
            target = urlsplit(response.headers.get("location", "")).netloc or "another address"
            raise RefusedError(
                f"{what}: redirects to {target}; credentials are not sent there: "
                f"if that is right, set it as the url in {self._settings}",
                status,
            )
        if status >= 400:
            shown = body[:SHOWN_CHARACTERS].strip()
            kind = ConflictError if status in CONFLICTS else RefusedError
            raise kind(f"{what}: answered {status}: {shown}", status, json_or_none(body))
        try:
            data: Any = self._decode(content) if content.strip() else None
        except ValueError:
            media = response.headers.get("content-type", "no content type").split(";")[0]
            page = TITLE.search(content.decode(errors="replace"))
            titled = f" (a page titled {page[1].strip()!r})" if page else ""
            what = f"answered {status} with {media} that is not JSON{titled}"
            raise RetryableError(what) from None
        # Azure DevOps asks for a pause together with the answer that it delayed.
        self._pause_later(retry_after(response.headers))
        return Reply(data, response.headers, status, server_time(response.headers))

    def _is_enough(self, state: RetryCallState) -> bool:
        attempts = self._patience.attempts
        return state.attempt_number >= (
            attempts if self._was_reached else min(attempts, UNKNOWN_ATTEMPTS)
        )

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, RetryableError) else None
        if asked is None:
            return self._patience.backoff(state)
        if asked > self._patience.max_wait_seconds:
            raise UnavailableError(f"{self.name}: asks to wait {asked:,.0f} s; {TRY_AGAIN}")
        # A little more, so that clients don't all come back at the same moment.
        return asked + min(self._patience.backoff(state), 1.0)

    def _pause_later(self, seconds: float | None) -> None:
        if seconds is not None:
            until = time.monotonic() + min(seconds, self._patience.max_wait_seconds)
            self._not_before = max(self._not_before, until)

    def _pause(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > 0:
            self._patience.sleep(wait)
            self._not_before = 0.0

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _never_sent(error: Exception) -> bool:
    """Whether no connection was made, so that the server can't have received the request."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    ) or isinstance(error, requests.ConnectTimeout)
