"""The parts of an answer: its body, when to retry, the server's clock."""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from orchestration.http.errors import TRY_AGAIN, SourceError

MAX_REPLY_BYTES = 256 * 1024 * 1024
BLOCK_BYTES = 64 * 1024
# A reset this large is a time (seconds since 1970), not a duration.
EPOCH = 1_000_000_000


@dataclass(frozen=True)
class Reply:
    """A successful answer: decoded JSON, headers (names in any case), the server's clock."""

    data: Any
    headers: Mapping[str, str]
    status: int
    date: datetime


class RetryableError(Exception):
    """Worth retrying; `wait_seconds` if the server said when.

    Attributes:
        is_harmless: the server certainly did nothing, so a write may be sent again too.
        fix: what to do if retrying doesn't help.
    """

    def __init__(
        self,
        what: str,
        wait_seconds: float | None = None,
        *,
        is_harmless: bool = False,
        fix: str = TRY_AGAIN,
    ) -> None:
        super().__init__(what)
        self.wait_seconds, self.is_harmless, self.fix = wait_seconds, is_harmless, fix


def read_body(response: requests.Response, deadline: float, what: str) -> bytes:
    """The body, with one deadline for all of it, not per byte."""
    blocks: list[bytes] = []
    size = 0
    # `iter_content` would wait for a full block, however slowly it arrives.
    while block := response.raw.read1(BLOCK_BYTES, decode_content=True):
        blocks.append(block)
        size += len(block)
        if time.monotonic() > deadline:
            raise RetryableError("answers too slowly")
        if size > MAX_REPLY_BYTES:
            raise SourceError(f"{what}: answered with more than {MAX_REPLY_BYTES:,} bytes")
    return b"".join(blocks)


def is_sign_in(response: requests.Response) -> bool:
    """Azure DevOps answers unknown credentials with a sign-in page or a redirect to it."""
    if response.status_code == 203:
        return "json" not in response.headers.get("content-type", "")
    target = response.headers.get("location", "")
    return 300 <= response.status_code < 400 and "/_signin" in urlsplit(target).path


def json_or_none(content: str) -> Any:
    """The decoded text; None where it isn't JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After`, a number or a date, or from Opsgenie's own header."""
    value = headers.get("retry-after", "")
    if not value and headers.get("x-ratelimit-state", "").upper() == "THROTTLED":
        value = headers.get("x-ratelimit-period-in-sec", "")
    seconds = _number(value)
    if seconds is None:
        moment = _moment(value)
        if moment is None:
            return None
        seconds = (moment - server_time(headers)).total_seconds()
    return max(seconds, 0.0)


def reset_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until the rate limit resets; None unless the server says that none is left."""
    for prefix in ("ratelimit-", "x-ratelimit-"):
        remaining = _number(headers.get(f"{prefix}remaining"))
        reset = _number(headers.get(f"{prefix}reset"))
        if remaining is not None and remaining <= 0 and reset is not None:
            return max(reset - time.time() if reset > EPOCH else reset, 0.0)
    return None


def server_time(headers: Mapping[str, str]) -> datetime:
    """The server's clock, which windows depend on; ours if it doesn't send one."""
    return _moment(headers.get("date", "")) or datetime.now(UTC)


def _moment(value: str) -> datetime | None:
    """A header's date; one without a zone, or with `-0000`, is in UTC."""
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
