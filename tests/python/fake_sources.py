"""Sources of three numbers, each with its own way to fail, in place of the live systems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pytest

from orchestration.http import AccessError, UnavailableError
from orchestration.landing import Landing, open_landing
from orchestration.settings import Settings
from orchestration.vendors import sync as sync_module
from orchestration.vendors.base import Context, SourceConfig, secret
from orchestration.vendors.sources import Sources
from orchestration.vendors.sync import state_folder

FAILURES = {
    "down": UnavailableError("down: GET /x: no answer"),
    "refusing": AccessError("refusing: TOKEN is not set; put a token there"),
    "breaking": RuntimeError("Bearer verysecret"),
}
asked_since: list[date | None] = []


@dataclass
class Fake:
    name: str
    since: date | None = None
    requests: int = 0

    def check(self) -> str:
        if self.name in FAILURES:
            raise FAILURES[self.name]
        return f"{self.name}: 3 services, may read incidents"

    def sync(self, landing: Landing) -> None:
        """All that is new is committed before it fails, if it does."""
        self.requests += 2
        asked_since.append(self.since)
        begin = landing.cursors.get("next", 0)
        landing.append("numbers", ({"n": n} for n in range(begin, 3)))
        landing.commit(next=3)
        if self.name in FAILURES:
            raise FAILURES[self.name]


class FakeConfig(SourceConfig):
    name: str = ""
    token_env: str = ""

    def extractor(self, context: Context) -> Fake:
        if self.token_env:
            secret(context, self.token_env, self.name, "an API key with read access")
        return Fake(self.name, self.since)


class FakeSources(Sources):
    good: FakeConfig = FakeConfig(name="good", owner="team-a")
    down: FakeConfig = FakeConfig(name="down", owner="team-b")
    refusing: FakeConfig = FakeConfig(name="refusing", owner="team-b", fresh_within_hours=0.001)
    breaking: FakeConfig = FakeConfig(name="breaking", owner="team-c")
    locked: FakeConfig = FakeConfig(name="locked", token_env="MADE_UP_TOKEN")  # noqa: S106


def fake_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *sources: str, as_of: datetime | None = None
) -> Settings:
    """A home in the folder, where the fakes replace every source and `sources` are on."""
    monkeypatch.setattr(sync_module, "read_sources", lambda _: FakeSources())
    asked_since.clear()
    for name in ("landing/postmortems", "home"):
        (folder / name).mkdir(parents=True)
    home, landing = str(folder / "home"), str(folder / "landing")
    settings = Settings.from_environment({"PAYDOWN_HOME": home, "PAYDOWN_LANDING": landing})
    return replace(settings, sources=sources, as_of=as_of)


def journal(settings: Settings, source: str, at: datetime, message: str = "") -> None:
    """A sync that ended at a moment: complete, or stopped with a message."""
    settings.landing.mkdir(parents=True, exist_ok=True)
    with open_landing(settings.landing, state_folder(settings), source, at) as landing:
        landing.journal("stopped" if message else "complete", message, 1, at)
