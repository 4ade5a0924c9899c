"""Where a run reads and writes, from the environment (docs/guides/data-engineer.md). No secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEMO_LANDING = PROJECT_ROOT / "tests" / "samples" / "landing"
DEMO_AS_OF = "2026-06-26T16:00:00Z"
# Warehouses that the complete flow runs on; dbt alone supports every output of
# profiles/profiles.yml.
TARGETS = ("duckdb", "postgres", "snowflake")
QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
}


class SettingsError(ValueError):
    """An environment variable can't be used; the message names it and the fix."""


def modernization_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the files that people edit by pull request.

    Raises:
        SettingsError: the folder doesn't exist.
    """
    stated = environment.get("PAYDOWN_MODERNIZATION")
    return _folder("PAYDOWN_MODERNIZATION", stated, PROJECT_ROOT / "modernization")


@dataclass(frozen=True)
class Settings:
    """The settings of one run; build it with `from_environment`."""

    home: Path
    landing: Path
    modernization: Path
    as_of: datetime | None
    target: str
    ledger_url: str = field(repr=False)
    dry_run: bool | None
    is_demo: bool
    sources: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read and check the variables above.

        Raises:
            SettingsError: a folder doesn't exist or a value can't be read.
        """
        env = {name: value for name, value in environment.items() if value.strip()}
        sources = _sources(env.get("PAYDOWN_SOURCES", ""))
        is_demo = "PAYDOWN_LANDING" not in env and not sources
        default_home = PROJECT_ROOT / ".paydown" / ("demo" if is_demo else "live")
        home = Path(env.get("PAYDOWN_HOME") or default_home).resolve()
        # The first run creates the landing folder of live sources.
        landing = home / "landing" if sources else DEMO_LANDING
        if not sources or "PAYDOWN_LANDING" in env:
            landing = _folder("PAYDOWN_LANDING", env.get("PAYDOWN_LANDING"), landing)
        return cls(
            home=home,
            landing=landing,
            modernization=modernization_folder(env),
            as_of=_moment(env.get("PAYDOWN_AS_OF") or (DEMO_AS_OF if is_demo else "")),
            target=_target(env.get("PAYDOWN_TARGET", TARGETS[0])),
            ledger_url=env.get("PAYDOWN_LEDGER") or f"sqlite:///{home / 'ledger.db'}",
            dry_run=_switch("PAYDOWN_DRY_RUN", env.get("PAYDOWN_DRY_RUN")),
            is_demo=is_demo,
            sources=sources,
        )

    @property
    def warehouse(self) -> Path:
        """The working DuckDB file, which only a run opens; analysts open `published`."""
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def published_database(self) -> Path:
        """The analysts' copy of the newest run; it need not exist yet."""
        return self.published / "current" / "paydown.duckdb"

    @property
    def published_page(self) -> Path:
        """The page for the weekly review, beside the analysts' copy."""
        return self.published / "current" / "report.html"

    @property
    def runs(self) -> Path:
        """What `paydown run` did, one JSON file per run, for Dagster."""
        return self.home / "runs"

    @property
    def epics(self) -> Path:
        """The local tracker's epics, one Markdown file each."""
        return self.home / "epics"

    @property
    def ledger_export(self) -> Path:
        """The ledger's export of epics for the load; written just before it."""
        return self.home / "ledger"

    @property
    def dbt_target_path(self) -> Path:
        return self.home / "dbt" / "target"

    @property
    def roots(self) -> dict[str, Path]:
        """The folders that a contract's `files` may name."""
        return {
            "landing": self.landing,
            "modernization": self.modernization,
            "epics": self.epics,
            "ledger": self.ledger_export,
        }

    def export(self) -> None:
        """Set what dbt, dlt and Dagster read from the environment, telemetry off first."""
        for name, value in (QUIET | {"PAYDOWN_MEMORY_LIMIT": _memory_limit()}).items():
            os.environ.setdefault(name, value)
        os.environ["PAYDOWN_TARGET"] = self.target
        os.environ["PAYDOWN_WAREHOUSE"] = str(self.warehouse)
        os.environ["DBT_TARGET_PATH"] = str(self.dbt_target_path)
        os.environ["DBT_LOG_PATH"] = str(self.home / "dbt" / "logs")
        os.environ["DBT_PROFILES_DIR"] = str(PROJECT_ROOT / "profiles")
        self.home.mkdir(parents=True, exist_ok=True)
        if self.sources:
            self.landing.mkdir(parents=True, exist_ok=True)

    def now(self) -> datetime:
        """`as_of`, or the present moment; timezone-aware UTC."""
        return self.as_of or datetime.now(UTC)


def _memory_limit() -> str:
    """A quarter of the memory that this process may use, from 1 to 4 GB, as DuckDB reads it."""
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # No cgroup limits it.
        available = min(available, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return f"{min(max(available // 4, 10**9), 4 * 10**9) // 10**6}MB"


def _switch(name: str, value: str | None) -> bool | None:
    """None if it isn't set. Anything that isn't clearly on or off is rejected."""
    if value is None:
        return None
    states = dict.fromkeys(("1", "true", "yes", "on"), True)
    states |= dict.fromkeys(("0", "false", "no", "off"), False)
    if (stated := value.strip().lower()) not in states:
        raise SettingsError(f"{name}={value}: is neither 1 nor 0; write one of them")
    return states[stated]


def _target(value: str) -> str:
    if value not in TARGETS:
        raise SettingsError(
            f"PAYDOWN_TARGET={value}: no such warehouse; name one of {', '.join(TARGETS)}"
        )
    return value


def _sources(value: str) -> tuple[str, ...]:
    from orchestration.vendors import SOURCE_NAMES

    names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    for name in names:
        if name not in SOURCE_NAMES:
            raise SettingsError(
                f"PAYDOWN_SOURCES={value}: no source is called {name!r}; "
                f"name any of {', '.join(SOURCE_NAMES)}, separated by commas"
            )
    return names


def _folder(name: str, value: str | None, default: Path) -> Path:
    folder = Path(value).resolve() if value else default
    if not folder.is_dir():
        raise SettingsError(f"{name}={folder}: no such folder; create it or correct {name}")
    return folder


def _moment(value: str) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise SettingsError(
            f"PAYDOWN_AS_OF={value}: can't be read; write a date and time that exist, like "
            f"{DEMO_AS_OF}"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
