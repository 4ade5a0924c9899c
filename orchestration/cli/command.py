"""What every command of `paydown` begins with, and how one ends that can't go on."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from orchestration.settings import Settings, SettingsError

console = Console(highlight=False)


@contextmanager
def refusals() -> Generator[None]:
    """Show an error that tells people what to do, and exit with 1."""
    from sqlalchemy.exc import SQLAlchemyError

    from orchestration.documents import ConfigError
    from orchestration.loader import ContractError
    from orchestration.loader.quarantine import QuarantineError
    from orchestration.trackers.protocol import TrackerError

    try:
        yield
    except (ConfigError, ContractError, QuarantineError, SettingsError, TrackerError) as error:
        console.print(Text(str(error), "red"))
        raise typer.Exit(1) from None
    except SQLAlchemyError as error:
        # The driver's message may hold the address, and that a password.
        text = f"PAYDOWN_LEDGER: not reachable: {type(error).__name__}; check its address"
        console.print(Text(text, "red"))
        raise typer.Exit(1) from None


def read_settings() -> Settings:
    """The settings, told to dbt and Dagster too; exits with 1 where they are wrong."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        console.print(Text(str(error), "red"))
        raise typer.Exit(1) from None
    settings.export()
    return settings
