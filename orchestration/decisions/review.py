"""What the weekly review decides: written to `decisions.yaml` and committed on a branch.

The file stays as people left it except for the added entries. The commit is made outside the
checkout, whose branch, index and files are left unchanged, so any of them can serve a meeting.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from orchestration.decisions.entries import Entries
from orchestration.documents import load_model
from orchestration.documents.models import parse_model
from orchestration.replacing import replace_file
from orchestration.rubric import ReviewDecision, ReviewDecisions

FILE, KEY = "decisions.yaml", "decisions"
# For a commit if git knows no name.
NOBODY = {"NAME": "paydown review", "EMAIL": "paydown@localhost"}


def checked(given: Mapping[str, Any]) -> ReviewDecision:
    """The decision, checked like those in the file; empty fields are left out.

    Raises:
        DocumentError: something is missing or wrong.
    """
    stated = {name: value for name, value in given.items() if value not in ("", None)}
    return parse_model(json.dumps(stated), "decision", ReviewDecision)


def read_decisions(folder: Path) -> list[ReviewDecision]:
    """What was decided so far, oldest first; nothing if there is no file.

    Raises:
        ConfigError: the file is wrong.
    """
    path = folder / FILE
    return load_model(path, ReviewDecisions).decisions if path.exists() else []


def record(folder: Path, decision: ReviewDecision) -> None:
    """Add the decision at the end of the file; safe against concurrent writers.

    Raises:
        DocumentError: no entry can be added to the file, which is left unchanged.
    """
    path = folder / FILE
    with FileLock(folder / f".{FILE}.lock"):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        entries = Entries(text, KEY)
        entries.add(decision.model_dump(exclude_none=True))
        parse_model(entries.text, str(path), ReviewDecisions)
        replace_file(path, entries.text)


def commit(folder: Path, day: str) -> str:
    """Commit the file on a branch of the day's meeting; repeated calls make one commit.

    Returns the branch; empty if the folder isn't a git checkout, or has no commit yet. The commit's
    parent is what is checked out.
    """
    head = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not head:
        return ""
    for number in range(1, 100):
        branch = f"review/{day}" + (f"-{number}" if number > 1 else "")
        ref = f"refs/heads/{branch}"
        old = _git(folder, "rev-parse", "--verify", "--quiet", ref)
        # From another meeting, or somebody worked on it: it is kept.
        if old and _git(folder, "rev-parse", "--verify", "--quiet", f"{old}^") != head:
            continue
        with tempfile.TemporaryDirectory(prefix="paydown-review-") as index:
            own = {"GIT_INDEX_FILE": str(Path(index, "index"))}
            blob = _git(folder, "hash-object", "-w", FILE)
            name = _git(folder, "rev-parse", "--show-prefix") + FILE
            _git(folder, "read-tree", "HEAD", **own)
            _git(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", **own)
            tree = _git(folder, "write-tree", **own)
        message = f"chore(modernization): decisions of the review of {day}"
        made = _git(folder, "commit-tree", tree, "-p", head, "-m", message, **_identity(folder))
        _git(folder, "update-ref", ref, made, old or "0" * 40)
        # If somebody else has just moved it, theirs is kept.
        if made and _git(folder, "rev-parse", "--verify", "--quiet", ref) == made:
            return branch
    return ""


def _identity(folder: Path) -> dict[str, str]:
    """Who commits: the user that git knows, else the program's name."""
    return {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        if not _git(folder, "var", f"GIT_{role}_IDENT")
        for field, value in NOBODY.items()
    }


def _git(folder: Path, *arguments: str, **variables: str) -> str:
    """What git prints; empty if it fails, or if there is no git."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and arguments of ours
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=30, check=False,
            env=os.environ | {"GIT_TERMINAL_PROMPT": "0"} | variables,
        )  # fmt: skip
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
