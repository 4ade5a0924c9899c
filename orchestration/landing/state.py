"""The state file of one source: its cursors, and what its last commit shows and removes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestration.landing.packed import flush


def read_state(path: Path) -> dict[str, Any]:
    """As of the last commit; an empty state if there is no file."""
    if not path.exists():
        return {"cursors": {}, "commits": 0, "syncs": 0, "showing": {}}
    return json.loads(path.read_text(encoding="utf-8"))


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Replace the file atomically; it survives a loss of power."""
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
        flush(file)
    temporary.replace(path)


def carry_out(root: Path, state: Mapping[str, Any]) -> None:
    """Carry out a commit: give partial files their names, and only then remove others.

    What is already done is skipped, so this may be interrupted and repeated.
    """
    for partial, name in state.get("showing", {}).items():
        if (root / partial).exists():
            _make_room(root, root / name)
            (root / partial).replace(root / name)
    for name in state.get("removing", ()):
        path = root / name
        # A folder may exist there by now, or a file where its folder was.
        if path.is_file():
            path.unlink()
        for parent in path.relative_to(root).parents[:-2]:
            with suppress(OSError):
                (root / parent).rmdir()


def _make_room(root: Path, target: Path) -> None:
    """A file may become a folder, and a folder a file."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    for parent in target.parents:
        if parent == root:
            break
        if parent.is_file() or parent.is_symlink():
            parent.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
