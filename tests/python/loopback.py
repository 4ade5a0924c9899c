"""Loopback servers that stand for vendors: routes, faults at any request, a record of what came.

A test writes one `Vendor` subclass per vendor, which behaves as the real one does (caps, cursors,
its own clock), and serves it with `serving`. Faults are put into `faults` by the number of the
request, counted from 0.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from orchestration.http import Patience

Fault = Literal[
    "reset",  # the connection breaks before an answer
    "429",  # too many, with Retry-After
    "429_bare",  # too many, and nothing said
    "500",
    "half_body",  # the connection breaks within the answer
    "slow_drip",  # a byte now and then, longer than anybody should wait
    "redirect",  # to another host
    "html",  # 200 with a page for people
    "expired",  # 401 from now on, until `renew`
]
FAULTS: tuple[Fault, ...] = (
    "reset", "429", "429_bare", "500", "half_body", "slow_drip", "redirect", "html", "expired",
)  # fmt: skip
# A client that gives up soon, and never sleeps for real.
IMPATIENT = Patience(attempts=4, reply_seconds=0.5, backoff=lambda _: 0.0, sleep=lambda _: None)


@dataclass
class Request:
    """One request as it came. `query` keeps the order and repeated names; a `body` that isn't said
    to be JSON is bytes."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: Any

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return dict(self.query).get(name, default)

    def many(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


@dataclass
class Answer:
    """`data` goes out as JSON; bytes go out as they are, such as a page for people, or nothing."""

    data: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Vendor:
    """What a vendor's server does. Subclasses answer; this counts, breaks and records."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: dict[int, Fault] = {}
        self.is_expired = False
        self.before: Callable[[Request], None] = lambda _: None
        self.lock = threading.RLock()

    def answer(self, request: Request) -> Answer:
        """The vendor's behaviour; called with the lock held, one request at a time."""
        raise NotImplementedError

    def now(self) -> datetime:
        """The server's clock, sent as `Date`."""
        return datetime.now(UTC)

    def renew(self) -> None:
        """The token is good again, and no more faults."""
        self.is_expired = False
        self.faults.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: the second one would wait 40 ms for the first one's ACK.
    disable_nagle_algorithm = True
    vendor: Vendor

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        parts = urlsplit(self.path)
        is_json = "json" in self.headers.get("content-type", "")
        request = Request(
            self.command,
            parts.path,
            parse_qsl(parts.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            json.loads(raw) if raw and is_json else raw or None,
        )
        vendor = self.vendor
        with vendor.lock:
            fault = vendor.faults.get(len(vendor.requests))
            vendor.requests.append(request)
            if fault == "expired":
                vendor.is_expired = True
            answer = None
            if vendor.is_expired:
                answer = Answer({"message": "Unauthorized"}, 401)
            elif fault in (None, "half_body", "slow_drip"):
                vendor.before(request)
                answer = vendor.answer(request)
        try:
            self._send(fault, answer)
        except OSError:
            self.close_connection = True

    # As http.server calls them.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _send(self, fault: Fault | None, answer: Answer | None) -> None:
        if fault == "reset":
            # Linger of 0 s: the client gets RST, not the end of the stream.
            option = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            self.close_connection = True
            self.connection.close()
        elif fault == "redirect":
            self._write(302, b"", {"Location": "http://127.0.0.9:9/elsewhere"})
        elif fault == "html":
            self._write(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
        elif answer is None:
            headers = {"Retry-After": "2"} if fault == "429" else {}
            self._write(int((fault or "500")[:3]), b'{"message": "no"}', headers)
        else:
            data = answer.data
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            headers = {"Content-Type": "application/json", **answer.headers}
            if fault is None and body and "gzip" in self.headers.get("accept-encoding", ""):
                body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
            self._write(answer.status, body, headers, fault)

    def _write(
        self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None = None
    ) -> None:
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.vendor.now(), usegmt=True))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "half_body":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault == "slow_drip":
            for byte in body[:30]:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
            self.close_connection = True
        else:
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # Clients that were killed.
            super().handle_error(request, client_address)


@contextmanager
def serving(vendor: Vendor) -> Generator[str]:
    """The address of a server that answers as the vendor does."""
    handler = type("Handler", (_Handler,), {"vendor": vendor})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def landed(root: Path, stream: str) -> Iterator[dict[str, Any]]:
    """Every record that a stream's visible files hold, in the order of their names."""
    for path in sorted((root / stream).rglob("*.ndjson*")):
        if path.name.startswith("."):
            continue
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield from map(json.loads, text.splitlines())


AUDITED = ("open", "os.", "socket.", "shutil.", "fcntl.")


def killed_at(event: int, work: Callable[[], object]) -> bool:
    """Run `work` in a forked process, which kills itself with SIGKILL at the n-th event that
    Python audits (opening, renaming and removing files, connecting). False where the work was
    done before that. Any error in it fails the test."""
    return _forked(event, work) is None


def audited_events(work: Callable[[], object]) -> int:
    """Run `work` in a forked process; the number of events at which `killed_at` can kill it."""
    events = _forked(sys.maxsize, work)
    assert events
    return events


def _forked(event: int, work: Callable[[], object]) -> int | None:
    """How many events there were; None where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            count = 0

            def hook(name: str, _: object) -> None:
                nonlocal count
                if name.startswith(AUDITED):
                    count += 1
                    if count > event:
                        signal.raise_signal(signal.SIGKILL)

            sys.addaudithook(hook)
            work()
            os.write(writing, str(count).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as counted:
        events = counted.read()
    if os.WIFSIGNALED(status):
        return None
    assert os.WEXITSTATUS(status) == 0, "the work failed"
    return int(events)
