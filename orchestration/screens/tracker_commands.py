"""`paydown tracker`: what is set up in a tracker once."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from orchestration.screens.command import console, read_settings, refusals

app = typer.Typer(no_args_is_help=True, help="Set up the tracker of modernization/tracker.yaml.")


@app.callback()
def _group() -> None:
    """Keeps the command's name."""


@app.command("create-filter")
def create_filter(
    name: Annotated[str, typer.Option(help="Of the filter, in Jira.")] = "Incident modernization",
    overwrite: Annotated[
        bool, typer.Option(help="Replace the query of one that is there with another.")
    ] = False,
) -> None:
    """Save the query of open epics, most urgent first, of which a board is made. Once."""
    settings = read_settings()
    if settings.dry_run:
        console.print("PAYDOWN_DRY_RUN=1: nothing was saved; unset it to save the query")
        raise typer.Exit(1)
    from orchestration.trackers.config import create_filter as create
    from orchestration.trackers.config import read_tracker_config

    with refusals():
        console.print(Text(create(read_tracker_config(settings), name, overwrite=overwrite)))
