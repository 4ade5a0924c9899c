"""Files of others, placed into the landing folder as they are; all of a change, or nothing of it.

They are written to a hidden folder first. Then the plan (what goes where, what is removed) is
committed to the source's state, and only then carried out; a plan that was cut off is carried out
by the next sync. New files come first and removals last, so a loader that looks on in between
misses nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestration.landing import Landing

STAGED = ".staged"
PLAN = "placing"
FOLDERS = "folders"


class Placer:
    """Keeps folders of the landing folder equal to what a source says they hold.

    The folders are the source's own: whatever else lies in them is removed.
    """

    def __init__(self, landing: Landing) -> None:
        self._landing = landing
        self._root = landing.root
        self._staged = landing.root / landing.source / STAGED

    def finish(self) -> None:
        """Carry out a plan that was cut off, and forget one that was never committed."""
        if plan := self._landing.cursors.get(PLAN):
            self._carry_out(plan)
        shutil.rmtree(self._staged, ignore_errors=True)

    @property
    def folders(self) -> list[str]:
        """The folders filled so far."""
        return self._landing.cursors.get(FOLDERS, [])

    def place(
        self,
        folders: Iterable[str],
        wanted: Mapping[str, str],
        read: Callable[[list[str]], Iterable[bytes]],
    ) -> int:
        """Make the folders hold the wanted files and no others; says how many files changed.

        Args:
            folders: paths below the landing folder.
            wanted: by path below the landing folder, `blob_id` of the content.
            read: gives the contents of those paths, in the same order.
        """
        folders = list(folders)
        there = {name for folder in folders for name in _files(self._root, folder)}
        new = [
            name
            for name, identity in wanted.items()
            if name not in there or blob_id(self._root / name, len(identity)) != identity
        ]
        gone = sorted(there - wanted.keys())
        if not new and not gone:
            return 0
        self._staged.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(read(new)):
            (self._staged / str(number)).write_bytes(content)
        plan = {"put": dict(enumerate(new)), "remove": gone, "folders": folders}
        known = sorted({*self.folders, *folders})
        self._landing.commit(**{PLAN: plan, FOLDERS: known})
        self._carry_out(plan)
        return len(new) + len(gone)

    def drop(self, folders: Iterable[str]) -> int:
        """Empty the folders and forget them; says how many files went."""
        folders = list(folders)
        count = self.place(folders, {}, lambda _: [])
        if folders:
            self._landing.commit(**{FOLDERS: sorted({*self.folders} - {*folders})})
        return count

    def _carry_out(self, plan: Mapping[str, Any]) -> None:
        for number, name in plan["put"].items():
            staged = self._staged / str(number)
            if staged.exists():
                target = self._root / name
                self._make_room(target)
                staged.replace(target)
        for name in plan["remove"]:
            # A folder may stand there now, or a file where its folder was.
            if (self._root / name).is_file():
                (self._root / name).unlink()
        for folder in plan["folders"]:
            for path, _, _ in os.walk(self._root / folder, topdown=False):
                with suppress(OSError):
                    os.rmdir(path)
        self._landing.commit(**{PLAN: None})
        shutil.rmtree(self._staged, ignore_errors=True)

    def _make_room(self, target: Path) -> None:
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        for parent in target.parents:
            if parent == self._root:
                break
            if parent.is_file() or parent.is_symlink():
                parent.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)


def landing_name(folder: str, path: str) -> str:
    """The place of a repository's file. The loader passes over hidden files, so their dot is
    written as %2E; that also leaves no part that is `.` or `..`."""
    parts = (
        f"%{ord(part[0]):02X}{part[1:]}" if part.startswith((".", "%")) else part
        for part in path.split("/")
    )
    return f"{folder}/{'/'.join(parts)}"


def blob_id(path: Path, digits: int = 40) -> str:
    """What git calls the file's content: SHA-1 in 40 digits, SHA-256 in 64."""
    content = path.read_bytes()
    kind = "sha256" if digits == 64 else "sha1"
    return hashlib.new(
        kind, b"blob %d\0" % len(content) + content, usedforsecurity=False
    ).hexdigest()


def _files(root: Path, folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(root / folder):
        for name in names:
            yield Path(parent, name).relative_to(root).as_posix()
