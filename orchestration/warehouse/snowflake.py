"""Snowflake as a warehouse: its connector queries it, dlt loads it through a stage."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orchestration.warehouse.driver import Driver
from orchestration.warehouse.session import WarehouseError

# How long a loader counts as running after its last heartbeat.
LEASE_MINUTES = 60
WAIT_SECONDS = 2


class Snowflake(Driver):
    """Snowflake. Names are in upper case there, like unquoted ones."""

    target = "snowflake"

    def __init__(self, profile: Mapping[str, str]) -> None:
        try:
            import snowflake.connector  # ty: ignore[import-not-found]
        except ImportError as error:
            raise WarehouseError(
                f"PAYDOWN_TARGET=snowflake: {error}; install paydown with its extra `snowflake`"
            ) from error
        self._driver = snowflake.connector
        self._holder = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
        self.errors = snowflake.connector.Error
        super().__init__(profile)

    @classmethod
    def identity(cls, profile: Mapping[str, str]) -> str:
        return f"snowflake {profile['account']}/{profile['database']}"

    def _connect(self) -> Any:
        given = dict(self.profile)
        renamed = {
            "private_key_path": "private_key_file",
            "private_key_passphrase": "private_key_file_pwd",
        }
        named = ("account", "user", "password", "role", "warehouse", "database", "authenticator",
                 "token", "host", "port", "protocol", *renamed)  # fmt: skip
        stated: dict[str, Any] = {renamed.get(k, k): given[k] for k in named if k in given}
        if "port" in stated:
            stated["port"] = int(stated["port"])
        return self._driver.connect(**stated, session_parameters={"TIMEZONE": "UTC"})

    def name(self, identifier: str) -> str:
        return super().name(identifier.upper())

    @staticmethod
    def _decimal(precision: int | None, scale: int | None) -> str:
        return "bigint" if precision and not scale else Driver._decimal(precision, scale)

    @contextmanager
    def locked(self) -> Generator[None]:
        # No lock in Snowflake outlives a statement without a long transaction. So the row of this
        # table has the current loader, and until when that is valid without a heartbeat.
        self.run("create schema if not exists raw")
        self.run(
            "create table if not exists raw.paydown_lock as "
            "select cast('' as varchar) as holder, cast(0 as bigint) as until"
        )
        while not self._take("until < %s or holder like %s", self._now(), self._dead()):
            time.sleep(WAIT_SECONDS)
        try:
            yield
        finally:
            with suppress(WarehouseError):
                sql = "update raw.paydown_lock set until = 0 where holder = %s"
                self.run(sql, [self._holder])

    def hold(self) -> None:
        if not self._take("holder = %s", self._holder):
            raise WarehouseError(
                f"{self.identity(self.profile)}: another loader took over after {LEASE_MINUTES} "
                "minutes without a heartbeat; nothing of this load counts, run again"
            )

    def _take(self, condition: str, *parameters: Any) -> bool:
        sql = f"update raw.paydown_lock set holder = %s, until = %s where {condition}"
        until = self._now() + LEASE_MINUTES * 60
        return self.run(sql, [self._holder, until, *parameters]).rowcount == 1

    def _now(self) -> int:
        """The server's time, since clocks of loaders differ."""
        return int(self.run("select date_part(epoch_second, current_timestamp())").fetchone()[0])

    def _dead(self) -> str:
        """A pattern for the holder if it is a process of this machine that has ended."""
        (holder,) = self.run("select max(holder) from raw.paydown_lock").fetchone()
        host, _, process = holder.rpartition(" ")[0].rpartition(" ")
        if host != socket.gethostname() or Path("/proc", process).exists():
            return "-"
        return holder

    def json_text(self, value: str, steps: Sequence[str]) -> str:
        path = "".join(f"[{s}]" if s.isdigit() else f'["{s}"]' for s in steps)
        quoted = path.replace("'", "''")
        return f"cast(get_path(try_parse_json(cast({value} as varchar)), '{quoted}') as varchar)"

    def utc(self, value: str, kind: str, zone: str) -> str:
        if kind == "timestamp_tz" or kind == "timestamp_ltz":
            return f"cast(convert_timezone('UTC', {value}) as timestamp_ntz)"
        return f"convert_timezone({zone}, 'UTC', cast({value} as timestamp_ntz))"

    def state(self, schema: str) -> list[Any]:
        cursor = self.run(
            "select count(*), cast(max(last_altered) as varchar) from information_schema.tables "
            "where lower(table_schema) = 'raw' or startswith(lower(table_schema), %s)",
            [schema],
        )
        found = [str(value) for value in cursor.fetchone()]
        return [] if "None" in found else found

    def destination(self) -> Any:
        import dlt

        given = self.profile
        keys = ("password", "warehouse", "role", "authenticator", "token", "private_key_path",
                "private_key_passphrase", "database")  # fmt: skip
        stated = {key: given[key] for key in keys if key in given}
        # Otherwise files copied into a table stay in its stage, and are paid for.
        return dlt.destinations.snowflake(
            credentials={"host": given["account"], "username": given["user"], **stated},
            keep_staged_files=False,
        )
