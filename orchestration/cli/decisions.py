"""`paydown sync-decisions` and `sync-catalog`: what was pushed, and where pull requests are."""

from __future__ import annotations

from pathlib import Path

from orchestration.cli.tables import say, shown_path
from orchestration.decisions.catalog import (
    catalog_facts,
    edit_files,
    sync_catalog,
    write_portal,
)
from orchestration.decisions.prioritized import changes, ranked, regenerated
from orchestration.decisions.sync import Proposal, sync_decisions
from orchestration.documents import ConfigError, DocumentError
from orchestration.documents.text import read_text
from orchestration.settings import Settings, SettingsError
from orchestration.vendors.base import Context
from orchestration.vendors.sync import read_sources

TITLES = {
    "nothing_new": "nothing new: nothing was pushed",
    "dry_run": "dry run: this would be pushed to {branch}",
    "pushed": "pushed to {branch}; open its pull request",
    "opened": "pull request opened",
    "updated": "pull request updated",
    "closed": "people closed the pull request with this list; a new one opens when it changes",
}


def show_sync_decisions(settings: Settings, out: Path | None, *, dry_run: bool) -> None:
    """Propose the published ranking, or write it to the file `out` and leave Git alone.

    Raises:
        NotPublishedError: nothing was published yet.
        SourceError: nothing was pushed.
        ConfigError: sources.yaml, or the file that is there, is wrong.
    """
    rows = ranked(settings)
    if out is None:
        is_dry = dry_run or bool(settings.dry_run)
        config = read_sources(settings).decisions
        show_proposal(sync_decisions(config, rows, Context(), dry_run=is_dry))
        return
    try:
        old = read_text(out) if out.exists() else ""
        new = regenerated(old, rows)
    except DocumentError as error:
        raise ConfigError(out, error.problems) from None
    found = changes(old, new)
    if new != old and not dry_run:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(new, encoding="utf-8")
    say(f"{shown_path(out)}: {'nothing new' if new == old else 'written'}", "bold")
    _list(found)


def show_sync_catalog(
    settings: Settings, out: Path | None, edit: Path | None, *, dry_run: bool
) -> bool:
    """Propose the published facts to every repository with catalog files; or write them as files
    for portals to `out`, or into the catalog files below `edit`. False where something is wrong.

    Raises:
        NotPublishedError: nothing was published yet.
        SettingsError: there is no such folder, or no repository has catalog files.
        ConfigError: sources.yaml is wrong.
    """
    rows = catalog_facts(settings)
    if out:
        changed = write_portal(out, rows)
        say(f"{shown_path(out)}: {len(changed):,} files changed", "bold")
        return True
    if edit:
        if not edit.is_dir():
            raise SettingsError(f"{edit}: no such folder; correct --edit")
        changes, problems = edit_files(edit, rows, dry_run=dry_run)
        say(f"{len(changes):,} services changed" if changes else TITLES["nothing_new"], "bold")
        _list(changes)
        return _print_problems(problems)
    is_dry, is_clean, asked = dry_run or bool(settings.dry_run), True, 0
    for label, proposal, problems in sync_catalog(
        read_sources(settings), rows, Context(), dry_run=is_dry
    ):
        asked += 1
        say(label)
        if proposal:
            show_proposal(proposal)
        is_clean = _print_problems(problems) and is_clean
    if not asked:
        raise SettingsError(
            "no repository of sources.yaml (git.repositories) has catalog files; list one with "
            "paths.backstage and sync it, or use --edit or --out"
        )
    return is_clean


def _print_problems(problems: list[str]) -> bool:
    for problem in problems:
        say(problem, "red")
    return not problems


def show_proposal(proposal: Proposal) -> None:
    """Print what a sync did."""
    title = TITLES[proposal.state].format(branch=proposal.branch)
    say(f"{title}{': ' if proposal.link else ''}{proposal.link}", "bold")
    _list(proposal.changes)


def _list(found: list[str]) -> None:
    for line in found:
        say(line, indent=2)
