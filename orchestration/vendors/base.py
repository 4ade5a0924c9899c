"""What every source has in common: its settings in `sources.yaml`, and what it can do."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from orchestration.documents.strict import Number, Strict, invalid
from orchestration.http import AccessError, Http, Patience, SourceError
from orchestration.landing import Landing

DEFAULT_HISTORY_DAYS = 400


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid(f"{value!r} is not a web address", "write it like https://example.com/api")
    if parts.username or parts.password:
        raise invalid("holds a user name or password", "keep secrets in the environment")
    return value.rstrip("/")


def _not_a_secret(value: object) -> object:
    if not re.fullmatch(_ENV_NAME, str(value)):
        fix = "write the name of the variable that holds the secret, in capital letters"
        raise invalid("is not the name of an environment variable", fix, is_secret=True)
    return value


_ENV_NAME = r"^[A-Z][A-Z0-9_]*$"
Url = Annotated[str, AfterValidator(_url)]
# A secret written here instead of its variable's name is rejected, and not shown.
EnvName = Annotated[
    str,
    StringConstraints(pattern=_ENV_NAME, max_length=100),
    BeforeValidator(_not_a_secret),
]
# A single text means a list of one.
ONE_OR_SEVERAL = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Hours = Annotated[Number, Field(gt=0, le=24 * 366)]


@dataclass(frozen=True)
class Context:
    """What a sync gets besides its settings: secrets, patience, where to report progress."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    progress: Callable[[str], None] = lambda _: None
    patience: Patience = field(default_factory=Patience)
    # Where relative folders of sources.yaml begin.
    base_folder: Path = field(default_factory=Path.cwd)


class HttpExtractor:
    """The common part of extractors that ask one server; `sync` sets `landing`."""

    landing: Landing

    def __init__(
        self,
        context: Context,
        name: str,
        url: str,
        credentials: Mapping[str, str],
        hint: str,
        **http: Any,
    ) -> None:
        self.context = context
        patience = context.patience
        self.http = Http(
            name,
            url,
            credentials=credentials,
            access_hint=hint,
            settings="sources.yaml",
            patience=patience,
            **http,
        )

    @property
    def requests(self) -> int:
        return self.http.requests

    def progress(self, text: str) -> None:
        """Report progress."""
        self.context.progress(f"{self.http.name} {text}")


class Extractor(Protocol):
    """One system, ready to be asked."""

    def check(self) -> str:
        """What was found and is allowed; SourceError if it can't be reached or read."""
        ...

    def sync(self, landing: Landing) -> None:
        """Land all that changed since the cursors; commit whenever it is safe to continue from
        there.

        SourceError: it can't go on; what was committed is kept.
        """
        ...

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        ...


class SourceConfig(Strict):
    """Settings that every source has; a vendor's own are in its module."""

    owner: Annotated[str, Field(min_length=1, max_length=200)] = "team-reliability"
    fresh_within_hours: Hours = 3
    since: date | None = None

    def extractor(self, context: Context) -> Extractor:
        """Ready to be asked; nothing is sent yet. SourceError: a secret or a setting is missing."""
        raise NotImplementedError

    def begins_at(self, now: datetime) -> datetime:
        """Start of the first sync: `since`, or 400 days back."""
        if self.since is None:
            return now - timedelta(days=DEFAULT_HISTORY_DAYS)
        return datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC)


def required_url(url: str | None, source: str) -> str:
    """The url of a source without a default. SourceError: it is not set."""
    if url is None:
        raise SourceError(
            f"{source}: has no url; write `{source}: {{url: https://...}}` in sources.yaml"
        )
    return url


def secret(context: Context, name: str, source: str, what: str) -> str:
    """The secret in the environment variable `name`; AccessError if it is not set."""
    value = context.environment.get(name, "").strip()
    if not value:
        raise AccessError(f"{source}: {name} is not set; put {what} there")
    if not value.isprintable() or not value.isascii():
        raise AccessError(f"{source}: {name} has characters that no header may have; copy it again")
    return value


def authorization(
    context: Context,
    source: str,
    token_env: str,
    user_env: str,
    password_env: str,
    *,
    is_needed: bool = True,
) -> dict[str, str]:
    """The credentials' header: a bearer token, else user and password; empty if the environment has
    none and none is needed.

    Raises:
        AccessError: there are no credentials, or a user without a password.
    """
    if context.environment.get(token_env, "").strip():
        return {"Authorization": f"Bearer {secret(context, token_env, source, 'a token')}"}
    if not is_needed and not context.environment.get(user_env, "").strip():
        return {}
    user = secret(context, user_env, source, f"a user name (or a token in {token_env})")
    password = secret(context, password_env, source, "the user's password")
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def months(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The calendar months from `since` to `until`, newest first, cut at both ends."""
    while until > since:
        last = until - timedelta(microseconds=1)
        begin = max(last.replace(day=1, hour=0, minute=0, second=0, microsecond=0), since)
        yield begin, until
        until = begin


def is_over(at: str | None, hours: float, now: datetime) -> bool:
    """Whether what was done at a time (ISO 8601), or never, is due again."""
    return at is None or now - moment(at) >= timedelta(hours=float(hours))


def moment(text: Any) -> datetime:
    """An ISO 8601 time as vendors write it, in UTC, which is also the default zone."""
    parsed = datetime.fromisoformat(str(text))
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def iso(value: datetime) -> str:
    """UTC, to the second, as every vendor accepts it: 2026-06-26T16:00:00Z."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def settings_file(config: Strict) -> str:
    """The file with these settings; Jira and Azure DevOps may be in both."""
    return "sources.yaml" if isinstance(config, SourceConfig) else "tracker.yaml"
