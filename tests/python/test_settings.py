"""Settings come from the environment, and say what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.settings import Settings, SettingsError


def test_without_a_landing_folder_it_is_the_demo() -> None:
    settings = Settings.from_environment({})
    assert settings.is_demo
    assert settings.as_of == datetime(2026, 6, 26, 16, tzinfo=UTC)
    assert settings.home.name == "demo"


def test_a_landing_folder_makes_it_live_and_the_clock_real(tmp_path: Path) -> None:
    settings = Settings.from_environment({"PAYDOWN_LANDING": str(tmp_path)})
    assert not settings.is_demo
    assert settings.as_of is None
    assert settings.home.name == "live"


def test_a_moment_without_zone_is_utc_and_another_zone_is_converted() -> None:
    naive = Settings.from_environment({"PAYDOWN_AS_OF": "2026-01-01T10:00:00"})
    other = Settings.from_environment({"PAYDOWN_AS_OF": "2026-01-01T10:00:00+02:00"})
    assert naive.as_of == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert other.as_of == datetime(2026, 1, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PAYDOWN_LANDING", "/no/such/folder"), ("PAYDOWN_AS_OF", "yesterday")],
)
def test_a_wrong_value_names_the_variable_and_the_fix(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})
