"""A shallow, bare clone of one remote repository, through the system's `git`.

Only the wanted files' contents are fetched, if the server supports that. Nothing is ever checked
out: contents are read from the object database, so no hook, filter, symbolic link or submodule of
the repository has any effect. Git never prompts, and gets credentials through its environment or
its own helpers, not through addresses or arguments.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import tenacity

from orchestration.http import AccessError, SourceError, UnavailableError
from orchestration.vendors import base
from orchestration.vendors.git.settings import PROTOCOLS, GitConfig, Repository

Result = TypeVar("Result")

HEAD = "refs/paydown/head"
ATTEMPTS = 3
MAX_BYTES = 256 * 1024 * 1024
SHOWN_CHARACTERS = 300
# Git and its child processes may write no file larger than so many blocks; an attempt is an error.
LIMITED = f'trap "" {signal.SIGXFSZ:d}; ulimit -f {{}} && exec git "$@"'
BLOCK_BYTES = 512
# All other GIT_* variables point to a repository, or write secrets into a trace.
KEPT_VARIABLES = (
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_EXEC_PATH",
)  # fmt: skip
VARIABLES = {
    "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
    "GIT_ASKPASS": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "SSH_ASKPASS_REQUIRE": "never",
}
CONFIG = {
    "core.hooksPath": os.devnull,
    "credential.interactive": "never",
    "fetch.recurseSubmodules": "false",
    # One pack, so that the limit above applies to its size.
    "fetch.unpackLimit": "1",
    "gc.autoDetach": "false",
    "http.followRedirects": "false",
    "maintenance.autoDetach": "false",
}
FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force", "--filter=blob:none")
# Ids of contents that the last fetch left out: the server must not assume that we have them.
CONTENTS = ("-c", "fetch.negotiationAlgorithm=noop", *FETCH, "--stdin", "origin")
NO_REF = re.compile(r"find remote ref|not our ref")
NO_ACCESS = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|"
    r"repository not found|access denied|host key verification|returned error: (401|403)",
    re.IGNORECASE,
)
MOVED = re.compile(r"redirect|returned error: 30[0-9]", re.IGNORECASE)


class Clone:
    """One remote and the folder with its newest commit, which may be deleted at any time."""

    def __init__(
        self,
        repository: Repository,
        settings: GitConfig,
        context: base.Context,
        folder: Path,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.requests = 0
        self._ref, self._url = repository.ref, repository.url or ""
        self._name = f"git: {repository.label}"
        self._token_env = repository.token_env
        self._settings, self._patience = settings, context.patience
        self._folder = folder.absolute()
        self._secrets: list[str] = []
        config = {**CONFIG, "remote.origin.url": self._url, **(more or {})}
        if repository.token_env:
            token = base.secret(context, repository.token_env, self._name, "a read-only token")
            packed = base64.b64encode(f"{repository.user}:{token}".encode()).decode()
            self._secrets = [packed, token]
            config[f"http.{self._url}.extraHeader"] = f"Authorization: Basic {packed}"
            config["credential.helper"] = ""
        self._environment = _environment(context.environment, config)

    def probe(self) -> None:
        """Ask the remote whether it has the ref; SourceError if not, or if it can't be asked."""
        # A commit has no name that could be listed.
        names = [] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", self._ref) else [self._ref]
        self.requests += 1
        self._run("ls-remote", "--exit-code", "--quiet", "--", self._url, *names)

    def files(self) -> dict[str, str]:
        """The plain files of the ref's commit, without symbolic links and submodules: content ids
        by the file's path (`os.fsdecode` of its bytes)."""
        found: dict[str, str] = {}
        for entry in filter(None, self._retrying(self._fetch).split(b"\0")):
            about, _, path = entry.partition(b"\t")
            mode, kind, identity = about.split()
            if kind == b"blob" and mode in (b"100644", b"100755"):
                found[os.fsdecode(path)] = identity.decode()
        return found

    def read(self, ids: Sequence[str]) -> list[bytes]:
        """The contents of these ids, in this order; SourceError beyond `MAX_BYTES` in total."""
        return self._contents(ids, HEAD)

    def _contents(self, ids: Sequence[str], *where: str) -> list[bytes]:
        """As `read`, for the commits and paths in `where`."""
        listed = self._local("rev-list", "--objects", "--no-walk", "--missing=print", *where)
        missing = {line[1:].decode() for line in listed.splitlines() if line.startswith(b"?")}
        if wanted := sorted(missing.intersection(ids)):
            self.requests += 1
            self._local(*CONTENTS, given="\n".join(wanted))
        given = "\n".join(ids)
        sizes = self._local("cat-file", "--batch-check=%(objectsize)", given=given).split()
        if (size := sum(map(int, sizes))) > MAX_BYTES:
            raise SourceError(
                f"{self._name}: {len(ids):,} files of {size:,} bytes match, at most "
                f"{MAX_BYTES:,} bytes are read; narrow its paths"
            )
        return [*_parted(self._local("cat-file", "--batch", given=given))]

    def _retrying(self, fetch: Callable[[], Result]) -> Result:
        """What `fetch` returns; retried with an empty clone while the remote is unavailable."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(UnavailableError),
            stop=tenacity.stop_after_attempt(min(ATTEMPTS, self._patience.attempts)),
            wait=tenacity.wait_exponential(min=2),
            sleep=self._patience.sleep,
            # A killed git may have left a lock or half a pack in the clone.
            before_sleep=lambda _: shutil.rmtree(self._folder, ignore_errors=True),
            reraise=True,
        )
        return retrying(fetch)

    def _prepare(self) -> None:
        """Prepare the folder for what is fetched."""
        if not (self._folder / "HEAD").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._run("init", "--quiet", "--bare", "--template=", str(self._folder))

    def _fetch(self) -> bytes:
        """Fetch the newest commit without its contents; returns its `ls-tree`."""
        self._prepare()
        self.requests += 1
        self._local(*FETCH, "--depth=1", "origin", f"+{self._ref}:{HEAD}")
        return self._local("ls-tree", "-r", "-z", "--full-tree", HEAD)

    def _local(self, *arguments: str, given: str = "") -> bytes:
        return self._run("--git-dir", str(self._folder), *arguments, given=given)

    def _run(self, *arguments: str, given: str = "") -> bytes:
        """What git prints; SourceError if it fails, with its message and what to do."""
        code, output, errors = self._ended(*arguments, given=given)
        if code:
            raise self._error(self._text(errors), code)
        return output

    def _ended(self, *arguments: str, given: str = "") -> tuple[int, bytes, bytes]:
        """Git's exit status, output and errors; SourceError if it takes too long."""
        seconds = self._settings.timeout_seconds
        limited = LIMITED.format((self._settings.max_megabytes << 20) // BLOCK_BYTES)
        with subprocess.Popen(  # noqa: S603 - the shell gets arguments as they are
            ["/bin/sh", "-c", limited, "git", "--no-pager", *arguments],
            cwd="/",
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(given.encode(), seconds)
            except subprocess.TimeoutExpired:
                raise SourceError(
                    f"{self._name}: took more than {seconds:,.0f} s; raise "
                    "timeout_seconds under git in sources.yaml, or sync again"
                ) from None
            finally:
                # With its child processes, such as ssh, which would keep the pipes open.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return process.returncode, output, errors

    def _error(self, text: str, code: int) -> SourceError:
        if code == 127:
            return SourceError("git: there is no git on the PATH; install it")
        if "file too large" in text.lower():
            shutil.rmtree(self._folder, ignore_errors=True)
            return SourceError(
                f"{self._name}: is more than {self._settings.max_megabytes:,} MB; raise "
                "max_megabytes under git in sources.yaml, or name a smaller repository"
            )
        # `ls-remote --exit-code` exits with 2 if nothing has that name.
        if NO_REF.search(text) or (code == 2 and not text):
            return SourceError(
                f"{self._name}: has no {self._ref}; correct the ref of this repository, or its url "
                "if a page for people answers there"
            )
        if NO_ACCESS.search(text):
            name = self._token_env
            put = f"put a token that may read it into {name}" if name else "set token_env for it"
            return AccessError(f"{self._name}: {text}; {put}, or let git's own helper know it")
        if MOVED.search(text):
            return SourceError(f"{self._name}: {text}: redirects are not followed; correct its url")
        return UnavailableError(f"{self._name}: {text}; is its url right? The next run asks again")

    def _text(self, errors: bytes) -> str:
        text = errors.decode(errors="replace")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        flat = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
        return flat[:SHOWN_CHARACTERS].rstrip(" .")


def _parted(batch: bytes) -> Iterator[bytes]:
    """Parses `cat-file --batch`: a line that ends with the size, the content, a line feed."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].split()[2])
        yield batch[end + 1 : end + 1 + size]
        at = end + size + 2


def _environment(given: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in given.items() if not k.startswith("GIT_") or k in KEPT_VARIABLES}
    settings = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {"PATH": os.defpath, **kept, **settings, **VARIABLES}
