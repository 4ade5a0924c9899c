"""A shallow, bare clone of one remote repository, through the system's `git`.

Only the wanted files' contents are fetched, where the server can leave others out. Nothing is ever
checked out: contents are read out of the object database, so no hook, filter, symbolic link or
submodule of the repository has any effect. Git never asks anybody anything, and credentials reach
it through its environment or its own helpers, not through addresses or arguments.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestration.http import AccessError, Patience, SourceError, UnavailableError

# `ext`, which runs commands, and the unsigned `git` are not among them.
PROTOCOLS = ("https", "http", "ssh", "file")
HEAD = "refs/paydown/head"
ATTEMPTS = 3
SHOWN_CHARACTERS = 300
# Git and all that it starts may write no file larger than so many blocks; an attempt is an error.
LIMITED = f'trap "" {signal.SIGXFSZ:d}; ulimit -f {{}} && exec git "$@"'
BLOCK_BYTES = 512
# All other GIT_* variables say where a repository is, or write secrets into a trace.
KEPT_VARIABLES = (
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_EXEC_PATH",
)  # fmt: skip
CONFIG = {
    "core.hooksPath": os.devnull,
    "credential.interactive": "never",
    "fetch.recurseSubmodules": "false",
    # One pack, whose size the limit above sees.
    "fetch.unpackLimit": "1",
    "gc.autoDetach": "false",
    "http.followRedirects": "false",
    "maintenance.autoDetach": "false",
}
# Only the newest commit, without the contents of its files.
SPARSE = ("--depth=1", "--filter=blob:none")
# Contents that the last fetch left out, by their ids: the server must not think that they are here.
CONTENTS = ("--filter=blob:none", "--stdin")
NO_NEGOTIATION = ("-c", "fetch.negotiationAlgorithm=noop")
FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force")
NO_ACCESS = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|"
    r"repository not found|access denied|host key verification|returned error: (401|403)",
    re.IGNORECASE,
)
MOVED = re.compile(r"redirect|returned error: 30[0-9]", re.IGNORECASE)
TOO_LARGE = re.compile(r"file too large", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """How long one git command may run, and how large one fetch may be."""

    seconds: float
    max_bytes: int


class Clone:
    """One remote and the folder that its newest commit is kept in.

    Args:
        name: what messages call the repository.
        folder: may be deleted at any time; it is fetched again then.
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
        self._folder = folder.absolute()
        self._access_hint = access_hint
        self._limits = limits
        self._patience = patience
        self._secrets: list[str] = []
        config = {**CONFIG, "remote.origin.url": url}
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
        self.requests += 1
        self._run("ls-remote", "--exit-code", "--quiet", "--", self._url, *names, ref=ref)

    def files(self, ref: str) -> dict[str, str]:
        """The plain files of the ref's commit, without symbolic links and submodules.

        Returns the id of each content by the file's path (`os.fsdecode` of its bytes).

        Raises:
            SourceError: it can't be fetched.
        """
        attempts = min(ATTEMPTS, self._patience.attempts)
        for attempt in range(1, attempts + 1):
            try:
                self._fetch(ref)
                listed = self._local("ls-tree", "-r", "-z", "--full-tree", HEAD)
                break
            except UnavailableError:
                # A git that was killed may have left a lock or half a pack in the clone.
                shutil.rmtree(self._folder, ignore_errors=True)
                if attempt == attempts:
                    raise
                self._patience.sleep(2.0**attempt)
        found: dict[str, str] = {}
        for entry in filter(None, listed.split(b"\0")):
            about, _, path = entry.partition(b"\t")
            mode, kind, identity = about.split()
            if kind == b"blob" and mode in (b"100644", b"100755"):
                found[os.fsdecode(path)] = identity.decode()
        return found

    def read(self, ids: Sequence[str], max_bytes: int) -> list[bytes]:
        """The contents of these ids, in this order.

        Raises:
            SourceError: they are larger than `max_bytes` together, or can't be fetched.
        """
        if not ids:
            return []
        listed = self._local("rev-list", "--objects", "--no-walk", "--missing=print", HEAD)
        missing = {line[1:].decode() for line in listed.splitlines() if line.startswith(b"?")}
        if wanted := sorted(missing.intersection(ids)):
            self.requests += 1
            given = "\n".join(wanted)
            self._local(*NO_NEGOTIATION, *FETCH, *CONTENTS, "origin", given=given)
        given = "\n".join(ids)
        sizes = self._local("cat-file", "--batch-check=%(objectsize)", given=given).split()
        size = sum(map(int, sizes))
        if size > max_bytes:
            raise SourceError(
                f"git: {self._name}: {len(ids):,} files of {size:,} bytes match, at most "
                f"{max_bytes:,} bytes are read; narrow its paths"
            )
        return [*_contents(self._local("cat-file", "--batch", given=given))]

    def _fetch(self, ref: str) -> None:
        if not (self._folder / "HEAD").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._run("init", "--quiet", "--bare", "--template=", str(self._folder))
        for options in (SPARSE, ()):
            self.requests += 1
            try:
                self._local(*FETCH, *options, "origin", f"+{ref}:{HEAD}", ref=ref)
                return
            except UnavailableError as error:
                # A server that only gives out files knows neither depth nor filters.
                if "dumb http" not in str(error):
                    raise

    def _local(self, *arguments: str, given: str = "", ref: str = "") -> bytes:
        return self._run("--git-dir", str(self._folder), *arguments, given=given, ref=ref)

    def _run(self, *arguments: str, given: str = "", ref: str = "") -> bytes:
        """What git prints.

        Raises:
            SourceError: it failed, with its words and what to do.
        """
        limited = LIMITED.format(self._limits.max_bytes // BLOCK_BYTES)
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
                output, errors = process.communicate(given.encode(), self._limits.seconds)
            except subprocess.TimeoutExpired:
                raise SourceError(
                    f"git: {self._name}: took more than {self._limits.seconds:,.0f} s; raise "
                    "timeout_seconds under git in sources.yaml, or sync again"
                ) from None
            finally:
                # With what it started, such as ssh, which would keep the pipes open.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            raise self._error(self._said(errors), ref, process.returncode)
        return output

    def _error(self, said: str, ref: str, code: int) -> SourceError:
        name = f"git: {self._name}"
        if code == 127:
            return SourceError("git: there is no git on the PATH; install it")
        if TOO_LARGE.search(said):
            shutil.rmtree(self._folder, ignore_errors=True)
            return SourceError(
                f"{name}: is more than {self._limits.max_bytes >> 20:,} MB; raise max_megabytes "
                "under git in sources.yaml, or name a smaller repository"
            )
        # 2 is what `ls-remote --exit-code` ends with where nothing has that name.
        if "find remote ref" in said or "not our ref" in said or (code == 2 and not said):
            return SourceError(
                f"{name}: has no {ref}; correct the ref of this repository, or its url "
                "if a page for people answers there"
            )
        if NO_ACCESS.search(said):
            return AccessError(f"{name}: {said}; {self._access_hint}")
        if MOVED.search(said):
            return SourceError(f"{name}: {said}: redirects are not followed; set the new address")
        return UnavailableError(f"{name}: {said}; the next sync tries again")

    def _said(self, errors: bytes) -> str:
        text = errors.decode(errors="replace")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        flat = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
        return flat[:SHOWN_CHARACTERS].rstrip(" .")


def _contents(batch: bytes) -> Iterator[bytes]:
    """Of `cat-file --batch`: a line that ends in the size, the content, a line feed."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].split()[2])
        yield batch[end + 1 : end + 1 + size]
        at = end + size + 2


def _environment(given: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in given.items()
        if not name.startswith("GIT_") or name in KEPT_VARIABLES
    }
    settings = {"GIT_CONFIG_COUNT": str(len(config))}
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
