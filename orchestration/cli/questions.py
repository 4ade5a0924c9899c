"""What `paydown init` asks on a terminal, and where the answers go."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import typer
import yaml

from orchestration.configuration import check_configuration
from orchestration.settings import SettingsError
from orchestration.vendors import SOURCE_NAMES


def asked(owner: str) -> dict[str, Any]:
    """A person's answers about team, calendar, capacity, tracker and sources; Enter accepts what is
    shown, and an invalid answer is asked for again."""

    def among(known: Collection[str], most: int = 1) -> Callable[[str], str]:
        def checked(value: str) -> str:
            names = [one for one in re.split(r"[\s,]+", value) if one]
            wrong = [one for one in names if one not in known]
            if wrong or len(names) > most:
                near = get_close_matches(wrong[0], known) if wrong else []
                shown = ", ".join(near or sorted(known)[:12])
                raise typer.BadParameter(
                    f"{value}: write {'one' if most == 1 else 'some'} of {shown}"
                )
            return ",".join(names)

        return checked

    def count(value: str) -> float | None:
        if not re.fullmatch(r"(\d{1,4}(\.\d)?)?", value.strip()):
            raise typer.BadParameter(f"{value}: write a number, or nothing")
        return float(value) if value.strip() else None

    def ask(question: str, default: str, check: Callable[[str], Any] | None = None) -> Any:
        return typer.prompt(question, default=default, show_default=bool(default), value_proc=check)

    given: dict[str, Any] = {
        "owner": owner or ask("Team that owns these services, to begin with (Enter: none)", ""),
    }
    zones = available_timezones()
    given["time_zone"] = ask("Time zone that people work in", "UTC", among(zones)) or "UTC"
    if given["owner"]:
        given["engineers"] = ask(f"Engineers of {given['owner']} (Enter: not known)", "", count)
    kinds = ("local", "jira", "azure_devops")
    given["tracker"] = ask(f"Where epics go: {', '.join(kinds)}", "local", among(kinds))
    if given["tracker"] not in ("local", ""):
        given["url"] = ask("Its address, such as https://example.atlassian.net", "https://")
        given["project"] = ask("Project there", "MOD")
    given["sources"] = ask("Live systems to read later (Enter: none)", "", among(SOURCE_NAMES, 20))
    return given


def write_down(folder: Path, given: Mapping[str, Any]) -> None:
    """Put the answers where they belong.

    Raises:
        SettingsError: a file of the folder would be wrong.
    """
    if not given:
        return
    _replace(folder / "calendar.yaml", "  time_zone: UTC ", f"  time_zone: {given['time_zone']} ")
    if given.get("engineers") is not None:
        line = f"  {given['owner']}: "
        _replace(
            folder / "capacity.yaml", f"{line}{{}}", f"{line}{{engineers: {given['engineers']:g}}}"
        )
    if kind := given["tracker"].replace("local", ""):
        section = yaml.safe_dump({kind: {"url": given["url"], "project": given["project"]}})
        _replace(folder / "tracker.yaml", "kind: local\n", f"kind: {kind}\n{section}")
    for file in check_configuration(folder):
        if file.problem:
            raise SettingsError(f"{file.problem}; nothing was written")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text  # noqa: S101 - of a template of ours
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
