"""The page on loopback, with a form that records decisions: `paydown review`.

Safe on a shared machine: it listens on loopback only, the host and origin of each request are
checked (so no other web page can reach it through a browser), and nothing is shown or recorded
without the token of the printed address.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orchestration.documents import DocumentError

LOOPBACK = "127.0.0.1"
LARGEST = 64 * 1024
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Page = Callable[[str], str]
Recorder = Callable[[Mapping[str, Any]], dict[str, Any]]


class ReviewServer(ThreadingHTTPServer):
    """Serves until it is shut down.

    page: the page's text for a token. record: records a decision and returns the result;
    DocumentError or ValueError, with what is wrong, if it can't be recorded.
    """

    daemon_threads = True

    def __init__(self, port: int, page: Page, record: Recorder) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.token = secrets.token_urlsafe(24)
        self.page, self.record = page, record
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a browser that went away, or an error that its answer already reported."""

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/?token={self.token}"

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


class _Handler(BaseHTTPRequestHandler):
    @property
    def review(self) -> ReviewServer:
        assert isinstance(self.server, ReviewServer)  # noqa: S101 - nothing else makes handlers.
        return self.server

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, "there is one page, at /")
        elif self._is_allowed(parse_qs(address.query).get("token", [""])[0]):
            page = self.review.page(self.review.token)
            self._answer(HTTPStatus.OK, page, "text/html; charset=utf-8")

    def do_POST(self) -> None:
        if not self._is_allowed(self.headers.get("X-Paydown-Token", "")):
            return
        if self.headers.get("Origin", "") not in {f"http://{host}" for host in self.review.hosts}:
            self._answer(HTTPStatus.FORBIDDEN, "the request comes from another page")
            return
        length = self.headers.get("Content-Length", "")
        if self.path != "/decisions" or not length.isdigit() or int(length) > LARGEST:
            self._answer(HTTPStatus.BAD_REQUEST, "post one decision to /decisions")
            return
        try:
            given = json.loads(self.rfile.read(int(length)))
            if not isinstance(given, dict):
                raise ValueError("a decision is an object")
            status, answer = HTTPStatus.OK, self.review.record(given)
        except (ValueError, DocumentError) as error:
            problems = [
                f"{one.field}: {one.what}; {one.fix}" for one in getattr(error, "problems", ())
            ]
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            answer = {"problems": problems or [str(error)]}
        except OSError as error:
            answer = {"problems": [f"{error.filename}: {error.strerror}"]}
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self._answer(status, json.dumps(answer), "application/json")

    def _is_allowed(self, token: str) -> bool:
        """Whether the request is from the printed address; answers it if not."""
        if self.headers.get("Host", "") not in self.review.hosts:
            self._answer(HTTPStatus.FORBIDDEN, "this server answers to its own address only")
            return False
        if not self.review.is_token(token):
            self._answer(HTTPStatus.FORBIDDEN, "open the address that `paydown review` printed")
            return False
        return True

    def _answer(
        self, status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8"
    ) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (HEADERS | {"Content-Type": kind}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The address of each request has the token, so nothing is logged."""
