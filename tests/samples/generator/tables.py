"""Reads the YAML tables beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .model import Service, Team


@cache
def table(name: str) -> Any:
    """The parsed table `<name>.yaml`."""
    return yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def services() -> dict[str, Service]:
    """The catalog's services by name, in the table's order."""
    return {name: Service(name=name, **row) for name, row in table("services")["services"].items()}


@cache
def teams() -> dict[str, Team]:
    """The teams by name."""
    return {name: Team(name=name, **row) for name, row in table("services")["teams"].items()}
