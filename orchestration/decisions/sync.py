"""Files that paydown writes by pull request, at most one open at a time: the ranked list (`paydown
sync-decisions`) and the facts in catalog files (`paydown sync-catalog`).

The remote is read, each file is made from the marts and from what people wrote on both branches,
and the commit is pushed on top of what was read. If somebody pushed meanwhile, all begins again, so
nothing is overwritten: a concurrent run finds its list there and pushes nothing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
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
    """What a sync did. `link`: the pull request, or where to open it; empty if unknown.

    state: nothing_new, pushed (link is where to open it), opened, updated, closed (by people, with
    exactly this list), or dry_run.
    """

    state: Literal["nothing_new", "pushed", "opened", "updated", "closed", "dry_run"]
    branch: str = ""
    link: str = ""
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Content:
    """What a pull request brings.

    Attributes:
        paths: the files, as the repository names them.
        title, body: of the pull request; the changes are listed below the body.
        made: from a file's path and text, the text that it should have; keeps what people wrote.
            Raises DocumentError if the text can't be read.
        changes: what is new between two texts of a file, one line per entry.
    """

    paths: Sequence[str]
    title: str
    body: str
    made: Callable[[str, str], str]
    changes: Callable[[str, str], list[str]]


def sync_decisions(
    config: DecisionsSettings, rows: Rows, context: Context, *, dry_run: bool = False
) -> Proposal:
    """Put the list into the repository's pull request; see `propose`."""
    body = (
        f"The epics that deserve money, from the marts of paydown, in `{config.path}`. Write each "
        "`decision` with `by` and `on`, here on this branch; merging is the approval. Reviews and "
        "comments are kept as evidence of who approved which risk."
    )
    content = Content([config.path], TITLE, body, lambda _, text: regenerated(text, rows), changes)
    return propose(config, content, context, dry_run=dry_run)


def propose(
    config: DecisionsSettings, content: Content, context: Context, *, dry_run: bool = False
) -> Proposal:
    """Put the content into the repository's pull request.

    Raises:
        SourceError: it can't be read or pushed, a file there can't be read, or people's decisions
            contradict each other. Nothing was pushed.
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
                return _propose(config, history, content, context, dry_run)
            except PushRefusedError as error:
                if not error.has_moved or attempt == ATTEMPTS:
                    raise
        raise AssertionError


def _propose(
    config: DecisionsSettings, history: History, content: Content, context: Context, dry_run: bool
) -> Proposal:
    on_base = {path: history.text(history.base, path) for path in content.paths}
    on_branch = {path: history.text(history.branch, path) for path in content.paths}
    texts = {
        path: _merged(config, history, content, path, on_base[path], on_branch[path])
        for path in content.paths
    }

    def changes_since(texts_before: Mapping[str, str]) -> list[str]:
        return [line for path in texts for line in content.changes(texts_before[path], texts[path])]

    found = changes_since(on_base)
    proposal = Proposal("nothing_new", config.branch, changes=found)
    if texts == on_base:
        return proposal
    is_there = bool(history.branch) and texts == on_branch
    if dry_run:
        proposal.state = "nothing_new" if is_there else "dry_run"
        return proposal
    commit, remarks = history.branch, []
    if not is_there:
        before = {path: on_branch[path] or on_base[path] for path in texts}
        body = "\n".join(f"- {line}" for line in changes_since(before))
        files = {path: text for path, text in texts.items() if text}
        commit = history.commit(files, f"{content.title}\n\n{body}\n")
        options = _options(config, history, context, content.title)
        remarks = history.push(commit, config.branch, options)
        proposal.state = "pushed"
    if github := config.github(context):
        body = _body(content.body, found)
        proposal.link, state = github.propose(
            config.branch, history.base_name, content.title, body, commit
        )
        if state in ("opened", "closed"):
            proposal.state = state
        elif not is_there or state == "updated":
            proposal.state = "updated"
    elif not is_there:
        proposal.link = _where(config, history, context, remarks)
    return proposal


def _merged(
    config: DecisionsSettings,
    history: History,
    content: Content,
    path: str,
    on_base: str,
    on_branch: str,
) -> str:
    """The file with what people wrote on either branch.

    Each side is first made again from the same rows, so that only people's words can differ.
    """

    def made(text: str, where: str) -> str:
        try:
            return content.made(path, text)
        except DocumentError as error:
            raise SourceError(
                f"decisions: {path} of {where}: {error}; nothing was pushed"
            ) from None

    base = made(on_base, history.base_name)
    merged_before = {version.blob for version in history.versions(path)}
    if not on_branch or history.blob(history.branch, path) in merged_before:
        # The branch was merged, perhaps squashed.
        return base
    branch = made(on_branch, config.branch)
    common = history.text(history.common(), path)
    try:
        before = content.made(path, common)
    except DocumentError:
        before = ""
    merged = history.merged(base, before, branch)
    if merged is None:
        both = "; ".join(content.changes(base, branch)[:SHOWN_CHANGES]) or "comments or order"
        raise SourceError(
            f"decisions: people wrote different things on {history.base_name} and {config.branch} "
            f"({both}); settle it on one of them, or merge or close the pull request. Nothing was "
            "pushed"
        )
    return made(merged, f"{history.base_name} and {config.branch} together")


def _body(text: str, found: Sequence[str]) -> str:
    """What the pull request says."""
    lines = [f"- {escape_markdown(line, 300)}" for line in found[:SHOWN_CHANGES]]
    lines += [f"- and {len(found) - SHOWN_CHANGES} more"] if len(found) > SHOWN_CHANGES else []
    return f"{text}\n\n" + "\n".join(lines) + "\n"


def _options(
    config: DecisionsSettings, history: History, context: Context, title: str
) -> list[str]:
    """GitLab opens a merge request by itself if the push asks for it."""
    host = urlsplit(config.repository(context.environment)).hostname or ""
    if "gitlab" not in host:
        return []
    return [
        "merge_request.create",
        f"merge_request.target={history.base_name}",
        f"merge_request.title={title}",
    ]


def _where(
    config: DecisionsSettings, history: History, context: Context, remarks: Sequence[str]
) -> str:
    """Where to open a pull request by hand: the remote's link, else by the kind of host."""
    if link := _LINK.search(" ".join(remarks)):
        return link[0]
    url = config.repository(context.environment).removesuffix(".git")
    host = urlsplit(url).hostname or ""
    branch = quote(config.branch, safe="/")
    if host == "github.com":
        return f"{url}/compare/{quote(history.base_name, safe='/')}...{branch}?expand=1"
    if host == "dev.azure.com" or host.endswith(".visualstudio.com"):
        return f"{url}/pullrequestcreate?sourceRef={quote(config.branch, safe='')}"
    return ""
