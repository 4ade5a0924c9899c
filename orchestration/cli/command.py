"""What every command of `paydown` shares: its settings, its console, and how it ends."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from orchestration.settings import Settings, SettingsError

console = Console(highlight=False)
# Settings of a folder that `paydown init` made, read where the command is called.
ENVIRONMENT_FILE = "paydown.env"


class Commands(TyperGroup):
    """Commands that exit with 1 when they return False or raise an error."""

    def invoke(self, ctx: Any) -> Any:
        with refusals():
            if super().invoke(ctx) is False:
                raise typer.Exit(1)


@contextmanager
def refusals() -> Generator[None]:
    """Show an error that says what to do, and exit with 1."""
    try:
        yield
    except Exception as error:
        if not (advice := _advice(error)):
            raise
        console.print(Text(advice, "red"))
        raise typer.Exit(1) from None


def _advice(error: Exception) -> str:
    """What a person can do about the error; empty if it is a bug of paydown's."""
    from sqlalchemy.exc import SQLAlchemyError

    from orchestration.steps import ADVISING

    if isinstance(error, SQLAlchemyError):
        # The driver's message may hold the address, which may hold a password.
        return f"PAYDOWN_LEDGER: not reachable: {type(error).__name__}; check its address"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; correct the path or its permissions"
    return str(error) if isinstance(error, ADVISING) else ""


def read_environment_file(path: Path) -> None:
    """Set what the file says (`NAME=value` lines) and the environment doesn't.

    Raises:
        SettingsError: a line is something else, or no setting of paydown's.
    """
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        name, equals, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        if not equals or not re.fullmatch(r"PAYDOWN_[A-Z_]+", name):
            fix = "write PAYDOWN_...=value; tokens belong in the environment"
            raise SettingsError(f"{path}:{number}: {name}: is not a setting of paydown's; {fix}")
        os.environ.setdefault(name, value)


def read_settings() -> Settings:
    """The settings, passed on to dbt and Dagster; in a folder made by `init`, that folder's.

    Raises:
        SettingsError: a variable can't be used.
    """
    read_environment_file(Path(ENVIRONMENT_FILE))
    settings = Settings.from_environment()
    settings.export()
    return settings
