"""The common part of clients of remote trackers: a deadline to send, and shapes of answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from orchestration.http import Http, Reply, SendWindow, UnavailableError, UnknownOutcomeError
from orchestration.vendors.base import Context

Json: TypeAlias = dict[str, Any]
Params: TypeAlias = Mapping[str, Any] | None
Item = TypeVar("Item")


class TrackerClient:
    """Asks one tracker; an answer of an unexpected shape counts as none.

    Args:
        window_seconds: how long after its start a writing call may still send.
        reply_seconds: how long an answer may take.
        always: parameters of every request.
        http: arguments of `Http`.

    Attributes:
        window: in which calls that write may still send.
        now: the server's clock at its last answer to a question.
    """

    def __init__(
        self,
        name: str,
        url: str,
        context: Context,
        *,
        window_seconds: float,
        reply_seconds: float,
        always: Mapping[str, str] | None = None,
        **http: Any,
    ) -> None:
        self.window = SendWindow(name, window_seconds, context.patience.sleep)
        self.now = datetime.min
        self._name = name
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
        """An object; parts: what it always has, with types."""
        return self._object(path, self._http.get(path, self._with(params)), parts)

    def find(self, path: str, params: Params = None, **parts: type) -> Json | None:
        """As `get`; None if it doesn't exist, or is hidden from us."""
        reply = self._http.find(path, self._with(params))
        return self._object(path, reply, parts) if reply else None

    def ask(self, path: str, body: Any, params: Params = None, **parts: type) -> Json:
        """A read request by POST."""
        return self._object(path, self._http.post(path, body, self._with(params)), parts)

    def write(
        self, method: str, path: str, body: Any, params: Params = None, **options: Any
    ) -> Any:
        """Change something, unless it is too late to send; the answer's data."""
        self.window.check()
        return self._http.write(method, path, body, self._with(params), **options).data

    def create(self, path: str, body: Any, parts: Mapping[str, type], **options: Any) -> Json:
        """Create something by POST: the result, which has these parts."""
        data = self.write("POST", path, body, **options)
        try:
            return shaped(f"{self._name}: {path}", data, **parts)
        except UnavailableError as error:
            # Something may have been created all the same.
            raise UnknownOutcomeError(str(error)) from None

    def _with(self, params: Params) -> dict[str, Any]:
        return {**self._always, **(params or {})}

    def _object(self, path: str, reply: Reply, parts: Mapping[str, type]) -> Json:
        self.now = reply.date
        return shaped(f"{self._name}: {path}", reply.data, **parts)


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def shaped(what: str, data: Any, **parts: type) -> Json:
    """`data`, an object with these parts; nothing may be concluded from anything else."""
    if isinstance(data, dict):
        missing = [name for name, kind in parts.items() if not isinstance(data.get(name), kind)]
        if not missing:
            return data
    without = f"without {', '.join(missing)}" if isinstance(data, dict) else "with no object"
    raise UnavailableError(
        f"{what}: answered {without}; check that `url` is right and nothing else answers there"
    )
