"""One HTTP client for every source: JSON in, patient with limits and faults, silent on secrets."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from orchestration.extract.errors import (
    AccessError,
    RefusedError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)

Params = Mapping[str, str | int | Sequence[str]] | Sequence[tuple[str, str | int]]

CONNECT_SECONDS = 10
READ_SECONDS = 60
# A server that sends a byte now and then would hold a run for ever.
REPLY_SECONDS = 300
MAX_REPLY_BYTES = 256 * 1024 * 1024
BLOCK_BYTES = 64 * 1024
ATTEMPTS = 7
BACKOFF = wait_exponential_jitter(initial=1, max=60, jitter=2)
# A source that asks for longer is left for the next sync.
MAX_WAIT_SECONDS = 900
SHOWN_CHARACTERS = 300
BROKEN_OFF = (
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.HTTPError,
)
# A reset this large is a moment (seconds since 1970), not a number of seconds.
EPOCH = 1_000_000_000


@dataclass(frozen=True)
class Reply:
    """A successful answer: decoded JSON, headers (names in any case), the server's clock."""

    data: Any
    headers: Mapping[str, str]
    status: int
    date: datetime


@dataclass(frozen=True)
class Patience:
    """How long to try. Tests take less of everything."""

    attempts: int = ATTEMPTS
    reply_seconds: float = REPLY_SECONDS
    max_wait_seconds: float = MAX_WAIT_SECONDS
    backoff: Callable[[RetryCallState], float] = BACKOFF
    sleep: Callable[[float], None] = time.sleep


class _RetryableError(Exception):
    """Worth asking again; `wait_seconds` where the server said when.

    is_harmless: the server did certainly nothing, so that a write may be sent again too.
    """

    def __init__(
        self, what: str, wait_seconds: float | None = None, *, is_harmless: bool = False
    ) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds
        self.is_harmless = is_harmless


class _Headers(AuthBase):
    """Sends the credentials, and keeps requests from taking others out of ~/.netrc."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self._headers)
        return r


class Http:
    """Asks one server.

    Args:
        name: what messages call the source, such as `pagerduty`.
        url: where its API begins; paths are appended to it.
        credentials: headers that carry secrets. They go to this server only: a redirect is an
            error, never followed.
        headers: other headers of every request.
        access_hint: what to do after a 401 or 403, such as "give PAGERDUTY_TOKEN read access".
        secrets: what else is left out of messages, such as a token that credentials hold encoded.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        credentials: Mapping[str, str],
        access_hint: str,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.requests = 0
        self._patience = patience or Patience()
        self._access_hint = access_hint
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
            UnavailableError: no sensible answer within the patience.
            SourceError: any other refusal.
        """
        reply = self._ask("GET", path, params=params)
        assert reply is not None  # noqa: S101 - only `find` gets None
        return reply

    def find(self, path: str, params: Params | None = None) -> Reply | None:
        """As `get`, and None where the server says that there is no such thing (404, 410)."""
        return self._ask("GET", path, params=params, missing_ok=True)

    def post(self, path: str, body: Any, params: Params | None = None) -> Reply:
        """POST a JSON body; for searches only, since it is asked again after a fault."""
        reply = self._ask("POST", path, params=params, body=body)
        assert reply is not None  # noqa: S101 - only `find` gets None
        return reply

    def write(
        self,
        method: str,
        path: str,
        body: Any,
        params: Params | None = None,
        *,
        content_type: str = "application/json",
    ) -> Reply:
        """Send a JSON body that changes something; again only where nothing was done with it.

        Raises:
            UnknownOutcomeError: it may have been done.
            RefusedError: the server said no, and did nothing.
            AccessError, UnavailableError: as `get`; nothing was done.
        """
        headers = {"Content-Type": content_type}
        reply = self._ask(method, path, params=params, body=body, headers=headers, is_write=True)
        assert reply is not None  # noqa: S101 - only `find` gets None
        return reply

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Params | None,
        body: Any = None,
        missing_ok: bool = False,
        headers: Mapping[str, str] | None = None,
        is_write: bool = False,
    ) -> Reply | None:
        retrying = Retrying(
            retry=retry_if_exception(
                lambda e: isinstance(e, _RetryableError) and (e.is_harmless or not is_write)
            ),
            stop=stop_after_attempt(self._patience.attempts),
            wait=self._wait,
            sleep=self._patience.sleep,
            reraise=True,
        )
        try:
            return retrying(self._ask_once, method, path, params, body, missing_ok, headers)
        except _RetryableError as error:
            if is_write and not error.is_harmless:
                raise UnknownOutcomeError(
                    self._clean(f"{self.name}: {method} {path}: {error}")
                ) from None
            raise UnavailableError(
                self._clean(
                    f"{self.name}: {method} {path}: {error}, "
                    f"{self._patience.attempts} times over; the next sync goes on from here"
                )
            ) from None

    def _ask_once(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: Any,
        missing_ok: bool,
        headers: Mapping[str, str] | None,
    ) -> Reply | None:
        self._hold()
        self.requests += 1
        deadline = time.monotonic() + self._patience.reply_seconds
        try:
            with self._session.request(
                method,
                self.url + path,
                params=list(params) if isinstance(params, Sequence) else params,
                json=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, min(READ_SECONDS, self._patience.reply_seconds)),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read(response, deadline, f"{self.name}: {method} {path}")
        except BROKEN_OFF as error:
            # The message holds the address only; the class says what happened.
            raise _RetryableError(
                f"no whole answer ({type(error).__name__})", is_harmless=_never_sent(error)
            ) from None
        except requests.RequestException as error:
            raise SourceError(
                self._clean(f"{self.name}: {method} {path}: {error}; correct the source's url")
            ) from None
        self._remember_limit(response.headers)
        return self._judge(response, content, f"{method} {path}", missing_ok)

    def _judge(
        self, response: requests.Response, content: bytes, what: str, missing_ok: bool
    ) -> Reply | None:
        status = response.status_code
        if status == 429 or status >= 500:
            raise _RetryableError(
                f"answered {status}", _retry_after(response.headers), is_harmless=status == 429
            )
        # Cleaned as a whole: of a secret that is cut, the beginning would be shown.
        said = self._clean(content.decode(errors="replace")) if status >= 400 else ""
        if status in (401, 403):
            raise AccessError(
                f"{self.name}: {what}: answered {status}; {self._access_hint}",
                _json_or_none(said),
            )
        location = response.headers.get("location", "")
        if _is_sign_in(response, location):
            raise AccessError(
                f"{self.name}: {what}: answered with a page to sign in; {self._access_hint}"
            )
        if 300 <= status < 400:
            target = urlsplit(location).netloc or "another address"
            raise SourceError(
                f"{self.name}: {what}: redirects to {target}; credentials are not sent there: "
                "if that is right, set it as the source's url"
            )
        if missing_ok and status in (404, 410):
            return None
        if status >= 400:
            shown = said[:SHOWN_CHARACTERS].strip()
            raise RefusedError(
                f"{self.name}: {what}: answered {status}: {shown}", status, _json_or_none(said)
            )
        try:
            data = json.loads(content) if content.strip() else None
        except ValueError:
            kind = response.headers.get("content-type", "no content type").split(";")[0]
            raise _RetryableError(f"answered {status} with {kind} that is not JSON") from None
        # Azure DevOps asks for a pause together with the answer that it held back.
        if pause := _retry_after(response.headers):
            until = time.monotonic() + min(pause, self._patience.max_wait_seconds)
            self._not_before = max(self._not_before, until)
        return Reply(data, response.headers, status, _date(response.headers))

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, _RetryableError) else None
        if asked is None:
            return self._patience.backoff(state)
        if asked > self._patience.max_wait_seconds:
            raise UnavailableError(
                f"{self.name}: asks to wait {asked:,.0f} s; the next sync goes on from here"
            )
        # A little more for each client that was told the same moment.
        return asked + min(self._patience.backoff(state), 1.0)

    def _remember_limit(self, headers: Mapping[str, str]) -> None:
        """Where the server says that nothing is left, the next request waits for the reset."""
        for prefix in ("ratelimit-", "x-ratelimit-"):
            remaining = _number(headers.get(f"{prefix}remaining"))
            reset = _number(headers.get(f"{prefix}reset"))
            if remaining is not None and remaining <= 0 and reset is not None:
                seconds = reset - time.time() if reset > EPOCH else reset
                seconds = min(max(seconds, 0.0), self._patience.max_wait_seconds)
                self._not_before = time.monotonic() + seconds

    def _hold(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > 0:
            self._patience.sleep(wait)
            self._not_before = 0.0

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _read(response: requests.Response, deadline: float, what: str) -> bytes:
    """The body, within the deadline as a whole and not only from byte to byte."""
    blocks: list[bytes] = []
    size = 0
    # `iter_content` would wait for a whole block, however slowly its bytes come.
    while block := response.raw.read1(BLOCK_BYTES, decode_content=True):
        blocks.append(block)
        size += len(block)
        if time.monotonic() > deadline:
            raise _RetryableError("answers too slowly")
        if size > MAX_REPLY_BYTES:
            raise SourceError(f"{what}: answered with more than {MAX_REPLY_BYTES:,} bytes")
    return b"".join(blocks)


def _never_sent(error: Exception) -> bool:
    """Whether no connection was made, so that the server can't have got the request."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    ) or isinstance(error, requests.ConnectTimeout)


def _is_sign_in(response: requests.Response, location: str) -> bool:
    """How Azure DevOps answers credentials that it doesn't know: with a page, or the way to it."""
    if response.status_code == 203:
        return "json" not in response.headers.get("content-type", "")
    return 300 <= response.status_code < 400 and "/_signin" in urlsplit(location).path


def _json_or_none(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After`, which is a number of them or a date; or as Opsgenie puts it."""
    value = headers.get("retry-after", "")
    if not value and headers.get("x-ratelimit-state", "").upper() == "THROTTLED":
        value = headers.get("x-ratelimit-period-in-sec", "")
    seconds = _number(value)
    if seconds is not None:
        return max(seconds, 0.0)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((moment - _date(headers)).total_seconds(), 0.0)


def _date(headers: Mapping[str, str]) -> datetime:
    """The server's clock, which windows hang on; ours where it doesn't say."""
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
