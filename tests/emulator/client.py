"""`paydown`, or `dbt` where that is the first argument, with the emulator in Snowflake's place.

Run in .venv-snowflake with the emulator's port in FAKESNOW_PORT. What paydown's profile says stays
as it is: only where the connector goes is changed, for the driver, dbt and dlt alike.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import snowflake.connector  # ty: ignore[import-not-found]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

really_connect = snowflake.connector.connect


def connect(**stated: Any) -> Any:
    stated |= {"host": "127.0.0.1", "port": int(os.environ["FAKESNOW_PORT"]), "protocol": "http"}
    return really_connect(**stated)


snowflake.connector.connect = connect

if __name__ == "__main__":
    if sys.argv[1:2] == ["dbt"]:
        from dbt.cli.main import cli

        cli(sys.argv[2:])
    else:
        from orchestration.cli import app

        app()
