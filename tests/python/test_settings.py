"""Settings come from the environment, and say what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.settings import Settings, SettingsError

DEMO = datetime(2026, 6, 26, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("environment", "home", "as_of"),
    [
        ({}, "demo", DEMO),
        ({"PAYDOWN_LANDING": ""}, "demo", DEMO),
        ({"PAYDOWN_LANDING": str(Path(__file__).parent)}, "live", None),
        ({"PAYDOWN_SOURCES": "git"}, "live", None),
        ({"PAYDOWN_AS_OF": "2026-01-01T10:00:00"}, "demo", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ({"PAYDOWN_AS_OF": "2026-01-01T10:00+02:00"}, "demo", datetime(2026, 1, 1, 8, tzinfo=UTC)),
    ],
)
def test_without_a_landing_folder_it_is_the_demo_with_its_clock(
    environment: dict[str, str], home: str, as_of: datetime | None
) -> None:
    settings = Settings.from_environment(environment)
    assert (settings.home.name, settings.as_of) == (home, as_of)
    assert settings.is_demo == (home == "demo")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PAYDOWN_LANDING", "/no/such/folder", "create it or correct PAYDOWN_LANDING"),
        ("PAYDOWN_MODERNIZATION", "/no/such/folder", "create it or correct"),
        ("PAYDOWN_AS_OF", "yesterday", "write a date and time"),
        ("PAYDOWN_AS_OF", "2026-02-30", "write a date and time that exist"),
        ("PAYDOWN_SOURCES", "pagerdutty", "no source is called 'pagerdutty'; name any of"),
        ("PAYDOWN_DRY_RUN", "maybe", "is neither 1 nor 0"),
    ],
)
def test_a_wrong_value_names_the_variable_and_the_fix(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}={value}: .*{words}"):
        Settings.from_environment({name: value})
