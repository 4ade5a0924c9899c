"""`paydown sync-decisions`: the ranked list as a pull request, never more than one at a time.

The remote is read, the file is made of the marts and of what people wrote on both branches, and one
commit is pushed upon what was read. Where somebody pushed meanwhile all begins anew, so nothing is
overwritten: a second run at the same time finds its list there and pushes nothing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote, urlsplit

from orchestration.decisions.entries import Value
from orchestration.decisions.prioritized import changes, regenerated
from orchestration.documents import DocumentError
from orchestration.http import SourceError
from orchestration.trackers.text import escape_markdown
from orchestration.vendors.base import Context
from orchestration.vendors.decisions.settings import DecisionsSettings
from orchestration.vendors.git.history import History, PushRefusedError

ATTEMPTS = 4
SHOWN_CHANGES = 50
TITLE = "chore: weekly modernization sync"
_LINK = re.compile(r"https?://[^\s<>\"']+")

Rows: TypeAlias = Sequence[Mapping[str, Value]]


@dataclass
class Proposal:
    """What a sync did. `link`: the pull request, or where to open it; empty where nobody said.

    state: nothing_new, pushed (link is where to open it), opened, updated, closed by people with
    this very list, or dry_run.
    """

    state: Literal["nothing_new", "pushed", "opened", "updated", "closed", "dry_run"]
    branch: str = ""
    link: str = ""
    changes: list[str] = field(default_factory=list)


def sync_decisions(
    config: DecisionsSettings, rows: Rows, context: Context, *, dry_run: bool = False
) -> Proposal:
    """Bring the list into the repository's pull request.

    Raises:
        SourceError: it can't be read or pushed, the file there can't be read, or people decided one
            thing in two ways. Nothing was pushed.
    """
    with tempfile.TemporaryDirectory(prefix="paydown-decisions-") as folder:
        history = config.history(context, Path(folder) / "decisions.git")
        for attempt in range(1, ATTEMPTS + 1):
            history.fetch(config.branch, config.base_branch or "")
            if history.base_name == config.branch:
                raise SourceError(
                    f"decisions: {config.branch} is the branch that counts; name another branch "
                    "for pull requests in sources.yaml"
                )
            try:
                return _propose(config, history, rows, context, dry_run)
            except PushRefusedError as error:
                if not error.has_moved or attempt == ATTEMPTS:
                    raise
        raise AssertionError


def _propose(
    config: DecisionsSettings, history: History, rows: Rows, context: Context, dry_run: bool
) -> Proposal:
    on_base = history.text(history.base, config.path)
    on_branch = history.text(history.branch, config.path)
    text = _merged(config, history, rows, on_base, on_branch)
    found = changes(on_base, text)
    proposal = Proposal("nothing_new", config.branch, changes=found)
    if text == on_base:
        return proposal
    is_there = bool(history.branch) and text == on_branch
    if dry_run:
        proposal.state = "nothing_new" if is_there else "dry_run"
        return proposal
    commit, remarks = history.branch, []
    if not is_there:
        body = "\n".join(f"- {line}" for line in changes(on_branch or on_base, text))
        commit = history.commit(config.path, text, f"{TITLE}\n\n{body}\n")
        remarks = history.push(commit, config.branch, _options(config, history, context))
        proposal.state = "pushed"
    if github := config.github(context):
        said = _body(config, found)
        proposal.link, state = github.propose(config.branch, history.base_name, TITLE, said, commit)
        if state in ("opened", "closed"):
            proposal.state = state
        elif not is_there or state == "updated":
            proposal.state = "updated"
    elif not is_there:
        proposal.link = _where(config, history, context, remarks)
    return proposal


def _merged(
    config: DecisionsSettings, history: History, rows: Rows, on_base: str, on_branch: str
) -> str:
    """The list with what people wrote on either branch.

    Each side is made anew with the same rows first, so that only people's words can differ.
    """

    def made(text: str, where: str) -> str:
        try:
            return regenerated(text, rows)
        except DocumentError as error:
            raise SourceError(
                f"decisions: {config.path} of {where}: {error}; nothing was pushed"
            ) from None

    base = made(on_base, history.base_name)
    merged_before = {version.blob for version in history.versions(config.path)}
    if not on_branch or history.blob(history.branch, config.path) in merged_before:
        # What is on the branch was merged, and squashed perhaps.
        return base
    branch = made(on_branch, config.branch)
    common = history.text(history.common(), config.path)
    try:
        before = regenerated(common, rows)
    except DocumentError:
        before = ""
    merged = history.merged(base, before, branch)
    if merged is None:
        both = "; ".join(changes(base, branch)[:SHOWN_CHANGES]) or "comments or order"
        raise SourceError(
            f"decisions: people wrote different things on {history.base_name} and {config.branch} "
            f"({both}); settle it on one of them, or merge or close the pull request. Nothing was "
            "pushed"
        )
    return made(merged, f"{history.base_name} and {config.branch} together")


def _body(config: DecisionsSettings, found: Sequence[str]) -> str:
    """What the pull request says."""
    lines = [f"- {escape_markdown(line, 300)}" for line in found[:SHOWN_CHANGES]]
    lines += [f"- and {len(found) - SHOWN_CHANGES} more"] if len(found) > SHOWN_CHANGES else []
    return (
        f"The epics that deserve money, from the marts of paydown, in `{config.path}`. Write each "
        "`decision` with `by` and `on`, here on this branch; merging is the approval. Reviews and "
        f"comments are kept as evidence of who approved which risk.\n\n" + "\n".join(lines) + "\n"
    )


def _options(config: DecisionsSettings, history: History, context: Context) -> list[str]:
    """GitLab opens a merge request by itself when it is asked to with the push."""
    host = urlsplit(config.repository(context.environment)).hostname or ""
    if "gitlab" not in host:
        return []
    return [
        "merge_request.create",
        f"merge_request.target={history.base_name}",
        f"merge_request.title={TITLE}",
    ]


def _where(
    config: DecisionsSettings, history: History, context: Context, remarks: Sequence[str]
) -> str:
    """Where a pull request is opened by hand: as the remote said, else as its kind has it."""
    if said := _LINK.search(" ".join(remarks)):
        return said[0]
    url = config.repository(context.environment).removesuffix(".git")
    host = urlsplit(url).hostname or ""
    branch = quote(config.branch, safe="/")
    if host == "github.com":
        return f"{url}/compare/{quote(history.base_name, safe='/')}...{branch}?expand=1"
    if host == "dev.azure.com" or host.endswith(".visualstudio.com"):
        return f"{url}/pullrequestcreate?sourceRef={quote(config.branch, safe='')}"
    return ""
