"""A shallow, bare clone of one remote repository, through the system's `git`.

Nothing is ever checked out: files are read out of the object database, so no hook, filter, symbolic
link or submodule of the repository has any effect. Git never asks anybody anything, and credentials
reach it through its environment or its own helpers, not through addresses or arguments.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from orchestration.http import AccessError, Patience, SourceError, UnavailableError

# `ext`, which runs commands, and the unsigned `git` are not among them.
PROTOCOLS = ("https", "http", "ssh", "file")
HEAD = "refs/paydown/head"
ATTEMPTS = 3
POLL_SECONDS = 0.1
SHOWN_CHARACTERS = 300
# All other GIT_* variables say where a repository is, or write secrets into a trace.
KEPT_VARIABLES = (
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_EXEC_PATH",
)  # fmt: skip
CONFIG = {
    "core.hooksPath": os.devnull,
    "credential.interactive": "never",
    "fetch.recurseSubmodules": "false",
    "gc.autoDetach": "false",
    "http.followRedirects": "false",
    "maintenance.autoDetach": "false",
}
NO_ACCESS = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|"
    r"repository not found|access denied|host key verification|returned error: (401|403)",
    re.IGNORECASE,
)
MOVED = re.compile(r"redirect|returned error: 30[0-9]", re.IGNORECASE)


@dataclass(frozen=True)
class Blob:
    """A file of a commit. `path` is what `os.fsdecode` makes of its bytes."""

    path: str
    id: str
    size_bytes: int


@dataclass(frozen=True)
class Limits:
    seconds: float
    max_bytes: int


class Clone:
    """One remote and the folder that its newest commit is kept in.

    Args:
        name: what messages call the repository.
        folder: may be deleted at any time; it is fetched anew then.
        credentials: user and token, for http and https only.
        access_hint: what to do where the remote refuses.
    """

    def __init__(
        self,
        name: str,
        url: str,
        folder: Path,
        *,
        environment: Mapping[str, str],
        credentials: tuple[str, str] | None,
        access_hint: str,
        limits: Limits,
        patience: Patience,
    ) -> None:
        self.requests = 0
        self._name = name
        self._url = url
        self._folder = folder
        self._access_hint = access_hint
        self._limits = limits
        self._patience = patience
        self._secrets: list[str] = []
        config = dict(CONFIG)
        if credentials:
            packed = base64.b64encode(":".join(credentials).encode()).decode()
            self._secrets = [packed, credentials[1]]
            config[f"http.{url}.extraHeader"] = f"Authorization: Basic {packed}"
            config["credential.helper"] = ""
        self._environment = _environment(environment, config)

    def probe(self, ref: str) -> None:
        """Ask the remote whether it has the ref.

        Raises:
            SourceError: it hasn't, or it can't be asked.
        """
        # A commit has no name to be listed by.
        names = [] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", ref) else [ref]
        self._remote(["ls-remote", "--exit-code", "--quiet", "--", self._url, *names], ref)

    def fetch(self, ref: str) -> str:
        """Bring the ref's commit here, and nothing else; says its id. History doesn't matter.

        Raises:
            SourceError: it can't be fetched; what was fetched before is not touched or lost.
        """
        attempts = min(ATTEMPTS, self._patience.attempts)
        for attempt in range(1, attempts + 1):
            try:
                return self._fetch_once(ref)
            except UnavailableError:
                # A git that was killed may have left a lock or half a pack in the clone.
                shutil.rmtree(self._folder, ignore_errors=True)
                if attempt == attempts:
                    raise
                self._patience.sleep(2.0**attempt)
        raise AssertionError

    def files(self, commit: str) -> Iterator[Blob]:
        """Its plain files, without symbolic links and submodules."""
        listed = self._local(["ls-tree", "-r", "-z", "-l", "--full-tree", commit])
        for entry in filter(None, listed.split(b"\0")):
            about, _, path = entry.partition(b"\t")
            mode, kind, blob_id, size = about.split()
            if kind == b"blob" and mode in (b"100644", b"100755"):
                yield Blob(os.fsdecode(path), blob_id.decode(), int(size))

    def read(self, blobs: Sequence[Blob]) -> Iterator[bytes]:
        """The content of each, in this order."""
        if not blobs:
            return
        with subprocess.Popen(  # noqa: S603 - no shell, no argument of a user's
            self._command(["cat-file", "--batch"]),
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            asked, answered = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            for blob in blobs:
                asked.write(f"{blob.id}\n".encode())
                asked.flush()
                header = answered.readline().split()
                if header[1:2] != [b"blob"] or int(header[2]) != blob.size_bytes:
                    process.kill()
                    raise UnavailableError(
                        f"git: {self._name}: {blob.path!a} is not in the clone; sync again"
                    )
                yield answered.read(blob.size_bytes)
                answered.read(1)

    def _fetch_once(self, ref: str) -> str:
        if not (self._folder / "HEAD").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._local(["init", "--quiet", "--bare", "--template="], in_clone=False)
        options = ["--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--force"]
        self._remote(["fetch", *options, "--", self._url, f"+{ref}:{HEAD}"], ref)
        commit = self._local(["rev-parse", "--verify", "--quiet", f"{HEAD}^{{commit}}"])
        return commit.decode().strip()

    def _command(self, arguments: Sequence[str], *, in_clone: bool = True) -> list[str]:
        where = ["--git-dir", str(self._folder)] if in_clone else ["-C", str(self._folder)]
        return ["git", "--no-pager", *where, *arguments]

    def _local(self, arguments: Sequence[str], *, in_clone: bool = True) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the user's part comes after `--`
                self._command(arguments, in_clone=in_clone),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                start_new_session=True,
                timeout=self._limits.seconds,
            )
        except FileNotFoundError:
            raise SourceError("git: there is no git on the PATH; install it") from None
        except subprocess.TimeoutExpired:
            raise self._too_slow(arguments[0]) from None
        if done.returncode:
            said = self._said(done.stderr)
            raise UnavailableError(f"git: {self._name}: {arguments[0]} failed: {said}; sync again")
        return done.stdout

    def _remote(self, arguments: Sequence[str], ref: str) -> None:
        self.requests += 1
        deadline = time.monotonic() + self._limits.seconds
        in_clone = arguments[0] == "fetch"
        where = self._folder if in_clone else Path(tempfile.gettempdir())
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(  # noqa: S603 - no shell; the user's part after `--`
                    self._command(arguments) if in_clone else ["git", *arguments],
                    cwd=where,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise SourceError("git: there is no git on the PATH; install it") from None
            try:
                self._watch(process, deadline, in_clone)
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            errors.seek(0)
            if process.returncode:
                raise self._refused(errors.read(), ref, process.returncode)

    def _watch(self, process: subprocess.Popen[bytes], deadline: float, in_clone: bool) -> None:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
                return
            if time.monotonic() > deadline:
                raise self._too_slow("the remote")
            if in_clone and _size(self._folder) > self._limits.max_bytes:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                shutil.rmtree(self._folder, ignore_errors=True)
                raise SourceError(
                    f"git: {self._name}: is more than {self._limits.max_bytes >> 20:,} MB; "
                    "raise max_megabytes under git in sources.yaml, or name a smaller repository"
                )

    def _too_slow(self, what: str) -> SourceError:
        return SourceError(
            f"git: {self._name}: {what} took more than {self._limits.seconds:,.0f} s; "
            "raise timeout_seconds under git in sources.yaml, or sync again"
        )

    def _refused(self, errors: bytes, ref: str, code: int) -> SourceError:
        said = self._said(errors)
        # 2 is what `ls-remote --exit-code` ends with where nothing has that name.
        if "find remote ref" in said or "not our ref" in said or (code == 2 and not said):
            return SourceError(
                f"git: {self._name}: has no {ref}; correct the ref of this repository, or its url "
                "if a page for people answers there"
            )
        if NO_ACCESS.search(said):
            return AccessError(f"git: {self._name}: {said}; {self._access_hint}")
        if MOVED.search(said):
            return SourceError(
                f"git: {self._name}: {said}: redirects are not followed; set the new address"
            )
        return UnavailableError(f"git: {self._name}: {said}; the next sync tries again")

    def _said(self, errors: bytes) -> str:
        text = errors.decode(errors="replace")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        flat = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
        return flat[:SHOWN_CHARACTERS].rstrip(" .")


def _environment(given: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in given.items()
        if not name.startswith("GIT_") or name in KEPT_VARIABLES
    }
    settings: dict[str, str] = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        settings[f"GIT_CONFIG_KEY_{number}"] = key
        settings[f"GIT_CONFIG_VALUE_{number}"] = value
    return {
        "PATH": os.defpath,
        **kept,
        **settings,
        "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
        "GIT_ASKPASS": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "SSH_ASKPASS_REQUIRE": "never",
    }


def _size(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(parent, name)).st_size
    return size
