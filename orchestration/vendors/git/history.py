"""The history of files of a remote repository, and a new commit of them, pushed to a branch.

Nothing is checked out, as in `Clone`. A push never forces: if somebody else was faster it is
rejected, and the caller reads the remote again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestration.http import SourceError
from orchestration.vendors.git.clone import FETCH, Clone

BASE, BRANCH = "refs/paydown/base", "refs/paydown/branch"
MAX_VERSIONS = 2000
_LOG = ("log", "--first-parent", "--raw", "--no-abbrev", "--no-renames", "--no-color", "-z")
_FORMAT = "--format=%x1e%H%x1f%an%x1f%cI%x1f%s%x1f"
# What `push --porcelain` prints if it was rejected, and the reasons that mean somebody was faster.
_REFUSED = re.compile(r"^!\t.*\t\[(?:remote )?rejected\] \((.*)\)", re.M)
_MOVED = re.compile(r"fetch first|non-fast-forward|stale info|lock ref|update ref|old value", re.I)
_REMARK = re.compile(r"^remote:(.*)", re.M)


class PushRefusedError(SourceError):
    """Nothing was pushed: the branch has moved, or may not be pushed to."""

    def __init__(self, message: str, *, has_moved: bool) -> None:
        super().__init__(message)
        self.has_moved = has_moved


class Version(NamedTuple):
    """The file as of a first-parent commit of the branch; `blob` is empty if it is deleted."""

    sha: str
    author_name: str
    committed_at: str
    subject: str
    blob: str


class History(Clone):
    """The default branch (`base`), and the branch that changes are pushed to, which may not exist.

    `fetch` first; then both are commit ids, `branch` empty if there is none.
    """

    base_name = base = branch = ""

    def fetch(self, branch_name: str, base_name: str = "") -> None:
        """Fetch the remote's current state; `base_name`: instead of its default branch.

        Raises:
            SourceError: the remote can't be asked, or has no such branch or no commit.
        """
        self._retrying(lambda: self._fetch_both(branch_name, base_name))

    def _fetch_both(self, branch_name: str, base_name: str) -> None:
        self._prepare()
        self.requests += 1
        heads = f"refs/heads/{branch_name}"
        wanted = ["HEAD", heads, *([f"refs/heads/{base_name}"] if base_name else [])]
        text = self._run("ls-remote", "--symref", "--quiet", "--", self._url, *wanted).decode()
        lines = [line.split("\t") for line in text.splitlines() if "\t" in line]
        ids = {name: one for one, name in lines if not one.startswith("ref: ")}
        default = [one[5:] for one, name in lines if name == "HEAD" and one.startswith("ref: ")]
        head = f"refs/heads/{base_name}" if base_name else (default or ["HEAD"])[0]
        if head not in ids and "HEAD" not in ids:
            what = f"has no branch {base_name}" if base_name else "has no commit yet"
            raise SourceError(f"{self._name}: {what}; push one, or correct its url or base")
        self.base_name = head.removeprefix("refs/heads/")
        specs = [f"+{head}:{BASE}", *([f"+{heads}:{BRANCH}"] if heads in ids else [])]
        self.requests += 1
        self._local(*FETCH, "origin", *specs)
        self.base = self._line("rev-parse", "--verify", BASE)
        self.branch = self._line("rev-parse", "--verify", BRANCH) if heads in ids else ""

    def versions(self, path: str) -> list[Version]:
        """The versions on the base, oldest first; at most the newest `MAX_VERSIONS`."""
        limit = f"--max-count={MAX_VERSIONS}"
        text = self._local(*_LOG, _FORMAT, limit, self.base, "--", path).decode(errors="replace")
        found: list[Version] = []
        for record in text.split("\x1e")[1:]:
            sha, author, at, subject, rest = record.split("\x1f", 4)
            about = rest.strip("\0\n").split()
            blob = about[3] if len(about) > 3 and about[3].strip("0") else ""
            found.append(Version(sha, author, at, subject, blob))
        return found[::-1]

    def contents(self, path: str, versions: Sequence[Version]) -> list[bytes]:
        """The file in each of these versions, none of which is deleted."""
        if not versions:
            return []
        blobs = [one.blob for one in versions]
        return self._contents(blobs, *(one.sha for one in versions), "--", path)

    def blob(self, commit: str, path: str) -> str:
        """The id of the file's content as of a commit; empty if it doesn't exist."""
        entry = self._local("ls-tree", "-z", commit, "--", path).split() if commit else []
        return entry[2].decode() if len(entry) > 2 and entry[1] == b"blob" else ""

    def text(self, commit: str, path: str) -> str:
        """The file as of a commit; empty if it doesn't exist, or there is no commit.

        Raises:
            SourceError: it isn't text.
        """
        if not (blob := self.blob(commit, path)):
            return ""
        try:
            return self._contents([blob], commit, "--", path)[0].decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SourceError(f"{self._name}: {path} is not UTF-8; save it as text") from None

    def common(self) -> str:
        """The merge base of base and branch; empty if there is none."""
        return (
            self._ended("--git-dir", str(self._folder), "merge-base", BASE, BRANCH)[1]
            .decode()
            .strip()
        )

    def merged(self, base: str, common: str, branch: str) -> str | None:
        """A three-way merge of texts; None if there is a conflict."""
        names = [self._folder / name for name in ("base.txt", "common.txt", "branch.txt")]
        for name, text in zip(names, (base, common, branch), strict=True):
            name.write_text(text, encoding="utf-8", newline="")
        code, output, errors = self._ended("merge-file", "--stdout", *map(str, names))
        if code > 127:
            raise self._error(self._text(errors), code)
        return None if code else output.decode()

    def commit(self, files: Mapping[str, str], message: str) -> str:
        """A commit with these texts by path, on top of the branch and, if possible, also the base.

        People's changes to other files of the branch are kept.
        """
        common = self.common() if self.branch else ""
        parents, tree = [self.base], self.base
        if self.branch and common != self.branch:
            parents, tree = [self.branch], self.branch
            listed = self._local("diff", "--name-only", "-z", common or self.branch, self.branch)
            changed = {name.decode() for name in listed.split(b"\0") if name}
            if common not in ("", self.base) and changed <= files.keys():
                parents, tree = [self.branch, self.base], self.base
        self._local("read-tree", tree)
        for path, text in files.items():
            blob = self._line("hash-object", "-w", "--stdin", given=text)
            self._local("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        options = [part for parent in parents for part in ("-p", parent)]
        written = self._line("write-tree", "--missing-ok")
        return self._line("commit-tree", written, *options, given=message)

    def push(self, commit: str, branch_name: str, options: Sequence[str] = ()) -> list[str]:
        """Push the commit to the branch; returns the remote's remarks, one per line.

        Raises:
            PushRefusedError: the branch has moved since `fetch`, or may not be pushed to.
            SourceError: the remote can't be reached, or doesn't let us in.
        """
        self.requests += 1
        pushed = [f"--push-option={one}" for one in options]
        target = f"{commit}:refs/heads/{branch_name}"
        local = ("--git-dir", str(self._folder), "push", "--porcelain", *pushed, "origin", target)
        code, output, errors = self._ended(*local)
        remarks = [
            self._text(line.encode()) for line in _REMARK.findall(errors.decode(errors="replace"))
        ]
        if not code:
            return remarks
        if refused := _REFUSED.search(output.decode(errors="replace")):
            has_moved = bool(_MOVED.search(refused[1]))
            why = " ".join([self._text(refused[1].encode()), *remarks])[:500].strip()
            fix = "the next run reads it again"
            if not has_moved:
                fix = "let the token's user push to it, or name another branch"
            what = f"{self._name}: the branch {branch_name} can't be pushed to: {why}; {fix}"
            raise PushRefusedError(what, has_moved=has_moved)
        raise self._error(self._text(errors), code)

    def _line(self, *arguments: str, given: str = "") -> str:
        return self._local(*arguments, given=given).decode().strip()
