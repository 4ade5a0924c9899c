"""`paydown ledger`: what paydown did in the tracker and why, and how to correct it."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.command import console, read_settings, refusals

app = typer.Typer(
    no_args_is_help=True,
    help="What was meant to be done in the tracker, what came of it, and whether that holds.",
)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]


@app.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[KEY|SERVICE]", help="The whole history of these epics."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the epics with their state, or show everything that happened to some of them.

    Exits with 1 where there is no such epic.
    """
    settings = read_settings()
    from orchestration.cli.ledger import show_epics, show_history

    with refusals():
        if what is None:
            show_epics(console, settings, as_json=as_json)
            return
        raise typer.Exit(0 if show_history(console, settings, what, as_json=as_json) else 1)


@app.command()
def close(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The epic, or one story.")],
    why: Annotated[str, typer.Option(help="Kept in the history, for who asks in a year.")],
    tracker: Annotated[
        str | None, typer.Option(help="Where several trackers in the ledger hold the key.")
    ] = None,
) -> None:
    """Record that an epic is closed that the tracker can no longer show.

    Frees its team's place in the limit of work in progress. Asks the tracker nothing. Exits
    with 1 where nothing under that key is open.
    """
    settings = read_settings()
    from orchestration.cli.ledger import close_in_ledger

    with refusals():
        is_done = close_in_ledger(console, settings, key, tracker=tracker, why=why)
        raise typer.Exit(0 if is_done else 1)


@app.command()
def reconcile(as_json: AsJson = False) -> None:
    """Ask the tracker what became of everything, and write that into the ledger only.

    Exits with 1 where something is left for a person or the next run.
    """
    settings = read_settings()
    from orchestration.cli.ledger import show_reconciled

    with refusals():
        raise typer.Exit(0 if show_reconciled(console, settings, as_json=as_json) else 1)
