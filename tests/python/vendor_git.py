"""A git remote for tests: a repository on disk, and git's own HTTP server with a password."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from urllib.parse import urlencode

from .loopback import Answer, Request, Vendor

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
        self.url = f"file://{folder}"

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


class GitServer(Vendor):
    """Git's smart HTTP server before the remote, at `/r.git`; `/moved.git` redirects to another
    host's name."""

    def __init__(self, remote: Remote, user: str, token: str) -> None:
        super().__init__()
        self.folder = remote.folder / ".git"
        self.wanted = f"Basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}"
        self.backend = Path(remote.git("--exec-path"), "git-http-backend")

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/moved"):
            port = request.headers["host"].rpartition(":")[2]
            return Answer(b"", 302, {"Location": f"http://localhost:{port}/r.git/info/refs"})
        if request.headers.get("authorization") != self.wanted:
            return Answer(b"", 401, {"WWW-Authenticate": 'Basic realm="x"'})
        body = request.body or b""
        done = subprocess.run(
            [self.backend],
            input=body,
            env={
                **ENVIRONMENT,
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROJECT_ROOT": str(self.folder),
                "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
                "PATH_INFO": request.path.removeprefix("/r.git"),
                "QUERY_STRING": urlencode(request.query),
                "REQUEST_METHOD": request.method,
                "CONTENT_TYPE": request.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            },
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        return Answer(content, int(headers.pop("Status", "200").split()[0]), headers)
