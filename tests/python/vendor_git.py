"""A git remote for tests: a repository on disk, and git's own HTTP server with a password."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


class Remote:
    """A repository that somebody works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder, env=ENVIRONMENT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def put(self, name: str, text: str | None) -> None:
        """Write the file, or remove it."""
        path = self.folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, *options: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x", *options)
        return self.git("rev-parse", "HEAD")


@contextmanager
def http_server(remote: Remote, user: str, token: str) -> Generator[tuple[str, list[str]]]:
    """Address of git's smart HTTP server before the remote, and the paths asked for. Below
    `/moved` it redirects to another host's name."""
    asked: list[str] = []
    backend = subprocess.run(
        ["git", "--exec-path"], check=True, capture_output=True, text=True
    ).stdout.strip()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path.startswith("/moved"):
                port = self.headers["host"].rpartition(":")[2]
                self._answer(302, b"", {"Location": f"http://localhost:{port}/r.git/info/refs"})
                return
            wanted = base64.b64encode(f"{user}:{token}".encode()).decode()
            if self.headers.get("authorization") != f"Basic {wanted}":
                self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
                return
            path, _, query = self.path.partition("?")
            done = subprocess.run(
                [f"{backend}/git-http-backend"],
                input=body,
                env={
                    **ENVIRONMENT,
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_PROJECT_ROOT": str(remote.folder / ".git"),
                    "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                    "PATH_INFO": path.removeprefix("/r.git"),
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("content-type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                },
                capture_output=True,
                check=False,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            status = int(headers.pop("Status", "200").split()[0])
            self._answer(status, content, headers)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
