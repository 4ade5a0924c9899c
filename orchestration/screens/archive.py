"""`paydown archive`: what a vendor holds, saved to a folder before the vendor goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True, help="Save what a vendor holds to a folder, before it is gone."
)
console = Console(highlight=False)

SKIPPABLE = ("alert_logs", "alert_notes", "alert_recipients", "alert_attachments")


@app.callback()
def _group() -> None:
    """Keeps the vendor's name in the command."""


@app.command()
def opsgenie(
    folder: Annotated[Path, typer.Argument(help="Where the archive is, or shall be.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Count and hash what is there; asks no server.")
    ] = False,
    skip: Annotated[
        list[str] | None,
        typer.Option(help=f"Leave out one of {', '.join(SKIPPABLE)}: a request less per alert."),
    ] = None,
) -> None:
    """Save the whole Opsgenie account; call it again and it goes on where it stopped.

    Exits with 1 where something is missing or was refused.
    """
    from orchestration.http import SourceError

    try:
        is_whole = _verify(folder) if verify else _archive(folder, tuple(skip or ()))
    except SourceError as error:
        console.print(str(error), style="bold red", markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if is_whole else 1)


def _archive(folder: Path, skip: tuple[str, ...]) -> bool:
    from orchestration.http import SourceError
    from orchestration.settings import Settings
    from orchestration.vendors.base import Context
    from orchestration.vendors.opsgenie.archive import archive
    from orchestration.vendors.sync import read_sources

    if unknown := set(skip) - set(SKIPPABLE):
        raise SourceError(f"--skip {min(unknown)}: choose from {', '.join(SKIPPABLE)}")
    config = read_sources(Settings.from_environment()).opsgenie
    with console.status("opsgenie") as status:
        done = archive(config.api(Context()), folder, skip=skip, progress=status.update)
    _show(done.counts)
    for stream, message in done.refused.items():
        console.print(f"refused: {stream}: {message}", style="yellow", markup=False)
    console.print(f"{done.requests:,} requests; {folder}", markup=False)
    return not done.refused


def _verify(folder: Path) -> bool:
    from orchestration.vendors.opsgenie.archive_store import verify

    verdict = verify(folder)
    _show(verdict.counts)
    for fault in verdict.faults:
        console.print(fault, style="bold red", markup=False)
    if not verdict.is_finished:
        console.print("not finished: run it again without --verify", style="yellow")
    is_whole = verdict.is_finished and not verdict.faults
    console.print(
        f"{verdict.files:,} files: {'all as the manifest says' if is_whole else 'NOT whole'}"
    )
    return is_whole


def _show(counts: dict[str, int]) -> None:
    for stream, count in sorted(counts.items()):
        console.print(f"{count:>10,}  {stream}", markup=False)
