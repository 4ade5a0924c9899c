"""What clients of remote trackers have in common: a last moment to send, shapes, errors."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from orchestration.http import (
    AccessError,
    Http,
    RefusedError,
    Reply,
    SendWindow,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.trackers import protocol
from orchestration.vendors.base import Context

Json: TypeAlias = dict[str, Any]
Params: TypeAlias = Mapping[str, Any] | None
Errors: TypeAlias = Callable[[], AbstractContextManager[None]]
# Somebody else changed the same thing at the same moment.
CONFLICTS = frozenset({409, 412})


@contextmanager
def as_tracker_errors() -> Generator[None]:
    """Errors of `Http` as the protocol's; a `RefusedError` that is handled inside stays as it is.

    Any other refusal (400, a redirect) is rejected: it stays so until a person helps.
    """
    try:
        yield
    except AccessError as error:
        raise protocol.ForbiddenError(str(error)) from None
    except UnavailableError as error:
        raise protocol.UnavailableError(str(error)) from None
    except UnknownOutcomeError as error:
        raise protocol.AmbiguousError(str(error)) from None
    except SourceError as error:
        is_conflict = isinstance(error, RefusedError) and error.status in CONFLICTS
        kind = protocol.ConflictError if is_conflict else protocol.RejectedError
        raise kind(str(error)) from None


class TrackerClient:
    """Asks one tracker; an answer of another shape than expected is as good as none.

    Args:
        window_seconds: how long after a call that writes began it may still send.
        reply_seconds: the most that an answer may take.
        errors: within which every request is made; it may raise other errors than those of `Http`.
        always: parameters of every request.
        http: as `Http` takes it.

    Attributes:
        window: in which calls that write may still send.
        now: the server's clock at its last answer to a question.
    """

    def __init__(
        self,
        name: str,
        url: str,
        context: Context,
        errors: Errors,
        *,
        window_seconds: float,
        reply_seconds: float,
        always: Mapping[str, str] | None = None,
        **http: Any,
    ) -> None:
        self.window = SendWindow(name, window_seconds, context.patience.sleep)
        self.now = datetime.min
        self._name = name
        self._errors = errors
        self._always = always or {}
        patience = replace(
            context.patience,
            reply_seconds=min(context.patience.reply_seconds, reply_seconds),
            sleep=self.window.sleep,
        )
        self._http = Http(name, url, patience=patience, **http)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def get(self, path: str, params: Params = None, **parts: type) -> Json:
        """An object; parts: what it always holds, and of which type."""
        with self._errors():
            return self._object(path, self._http.get(path, self._with(params)), parts)

    def find(self, path: str, params: Params = None, **parts: type) -> Json | None:
        """As `get`; None where there is no such thing, or it is hidden from us."""
        with self._errors():
            reply = self._http.find(path, self._with(params))
            return self._object(path, reply, parts) if reply else None

    def ask(self, path: str, body: Any, params: Params = None, **parts: type) -> Json:
        """A question that is a POST."""
        with self._errors():
            return self._object(path, self._http.post(path, body, self._with(params)), parts)

    def write(self, method: str, path: str, body: Any) -> None:
        """Change something, if it isn't too late to send."""
        with self._errors():
            self._send(method, path, body)

    def _send(
        self, method: str, path: str, body: Any, params: Params = None, **options: str
    ) -> Any:
        self.window.check()
        return self._http.write(method, path, body, self._with(params), **options).data

    def _with(self, params: Params) -> dict[str, Any]:
        return {**self._always, **(params or {})}

    def _object(self, path: str, reply: Reply, parts: Mapping[str, type]) -> Json:
        self.now = reply.date
        return shaped(f"{self._name}: {path}", reply.data, **parts)


def shaped(what: str, data: Any, **parts: type) -> Json:
    """`data`, an object that holds these parts; of anything else nothing may be concluded."""
    if isinstance(data, dict):
        missing = [name for name, kind in parts.items() if not isinstance(data.get(name), kind)]
        if not missing:
            return data
    without = f"without {', '.join(missing)}" if isinstance(data, dict) else "with no object"
    raise UnavailableError(
        f"{what}: answered {without}; see that `url` is right and nothing else answers there"
    )
