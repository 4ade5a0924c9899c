"""The `paydown` command. Each command reads settings, calls one function and shows its result."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from orchestration.settings import Settings, SettingsError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turns incidents and postmortems into a ranked, owned, dated and funded backlog.",
)
console = Console(highlight=False)


@app.command()
def run() -> None:
    """Load what is new, build and test every model, publish, open the epics that deserve it.

    Exits with 1 where a file can't be read, a test fails or the tracker refused something.
    """
    settings = _settings()
    from orchestration.flow import run_flow
    from orchestration.screens.run import show_run

    with console.status("starting") as status:
        result = run_flow(settings, lambda text: status.update(text[: console.width - 4]))
    show_run(console, settings, result)
    raise typer.Exit(0 if result.is_clean else 1)


@app.command()
def explain(service: Annotated[str, typer.Argument(help="Name of the service.")]) -> None:
    """Say why a service has its score: every factor, its evidence and its incidents."""
    settings = _settings()
    from orchestration.screens.explain import show_explanation

    raise typer.Exit(0 if show_explanation(console, settings, service) else 1)


@app.command()
def doctor() -> None:
    """Check settings, contracts, rubric, landing files, warehouse, ledger and last load.

    Exits with 1 where something needs a person.
    """
    settings = _settings()
    from orchestration.screens.doctor import show_doctor

    raise typer.Exit(0 if show_doctor(console, settings) else 1)


def _settings() -> Settings:
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        console.print(f"[red]{error}[/red]", markup=True)
        raise typer.Exit(1) from None
    settings.export()
    return settings
