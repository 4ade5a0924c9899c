"""The warehouse of `PAYDOWN_TARGET`: the only access to its raw tables and its marts."""

from __future__ import annotations

import os

from orchestration.settings import Settings
from orchestration.warehouse.file import (
    FileWarehouse,
    WarehouseBusyError,
    busy_error,
    connected,
    rows_of,
)
from orchestration.warehouse.server import ServerWarehouse
from orchestration.warehouse.session import Session, WarehouseError

__all__ = [
    "FileWarehouse",
    "ServerWarehouse",
    "Session",
    "Warehouse",
    "WarehouseBusyError",
    "WarehouseError",
    "busy_error",
    "connected",
    "rows_of",
    "warehouse_of",
]

Warehouse = FileWarehouse | ServerWarehouse


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse of these settings; working files are in the home.

    Raises:
        SettingsError: the profile lacks what the target needs.
    """
    limit = os.environ.get("PAYDOWN_MEMORY_LIMIT")
    if settings.target == "duckdb":
        return FileWarehouse(settings.warehouse, settings.home / "dlt", limit)
    return ServerWarehouse(settings.target, settings.home / "dlt", limit)
