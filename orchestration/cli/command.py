"""What every command of `paydown` shares: its settings, its console, and how it ends."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from orchestration.settings import Settings

console = Console(highlight=False)


class Commands(TyperGroup):
    """Commands of which one that returns False exits with 1, as one does that can't go on."""

    def invoke(self, ctx: Any) -> Any:
        with refusals():
            if super().invoke(ctx) is False:
                raise typer.Exit(1)


@contextmanager
def refusals() -> Generator[None]:
    """Show an error that tells people what to do, and exit with 1."""
    try:
        yield
    except Exception as error:
        if not (advice := _advice(error)):
            raise
        console.print(Text(advice, "red"))
        raise typer.Exit(1) from None


def _advice(error: Exception) -> str:
    """What a person can do about the error; empty where it is a fault of ours."""
    from sqlalchemy.exc import SQLAlchemyError

    from orchestration.steps import ADVISING

    if isinstance(error, SQLAlchemyError):
        # The driver's message may hold the address, and that a password.
        return f"PAYDOWN_LEDGER: not reachable: {type(error).__name__}; check its address"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; correct the path or its permissions"
    return str(error) if isinstance(error, ADVISING) else ""


def read_settings() -> Settings:
    """The settings, told to dbt and Dagster too.

    Raises:
        SettingsError: a variable can't be used.
    """
    settings = Settings.from_environment()
    settings.export()
    return settings
