"""`modernization/calendar.yaml`: when teams work, and which windows durations are published for."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from orchestration.documents.strict import Day, Days, Strict, empty_if_none, fault, once
from orchestration.rubric.capacity import TeamName

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

_HOURS = re.compile(r"((?:[01]\d|2[0-4]):[0-5]\d)\s*-\s*((?:[01]\d|2[0-4]):[0-5]\d)")


@cache
def time_zones() -> list[str]:
    """The zones that every warehouse knows: UTC, and those named by area and city."""
    return ["UTC", *sorted(name for name in available_timezones() if "/" in name)]


def _zone(name: str) -> str:
    if name not in time_zones():
        close = get_close_matches(name, time_zones(), n=1)
        example = close[0] if close else "Europe/Paris"
        raise fault("is not a time zone", f"write area and city, such as {example}, or UTC")
    return name


def _hours(text: str) -> str:
    """`09:00-17:00`, checked and without blanks; an end before the beginning is on the next day."""
    match = _HOURS.fullmatch(text.strip())
    fix = "write such as 09:00-17:00; 22:00-06:00 ends on the next day, 00:00-24:00 is all day"
    if not match:
        raise fault("is not a range of times of day", fix)
    opens, closes = match.groups()
    if opens >= "24:00" or closes > "24:00":
        raise fault("goes beyond 24:00", fix)
    if opens == closes:
        raise fault("begins when it ends", fix)
    return f"{opens}-{closes}"


def _one_name_a_day(holidays: list[Holiday]) -> list[Holiday]:
    once([holiday.date for holiday in holidays])
    return holidays


TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
WorkingHours = Annotated[str, AfterValidator(_hours)]
WorkingDays = Annotated[list[Weekday], Field(min_length=1), AfterValidator(once)]


class Holiday(Strict):
    date: Day
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


Holidays = Annotated[list[Holiday], Field(max_length=5_000), AfterValidator(_one_name_a_day)]


class Schedule(Strict):
    """When a team works. Hours are on the team's clock, so they move with daylight saving."""

    time_zone: TimeZone = "UTC"
    working_days: WorkingDays = ["monday", "tuesday", "wednesday", "thursday", "friday"]  # noqa: RUF012
    working_hours: WorkingHours = "09:00-17:00"
    holidays: Holidays = []  # noqa: RUF012


class TeamSchedule(Strict):
    """What a team says differently; its holidays stand in place of the defaults'."""

    time_zone: TimeZone | None = None
    working_days: WorkingDays | None = None
    working_hours: WorkingHours | None = None
    holidays: Holidays | None = None


class Reports(Strict):
    """Windows that end at `as_of`, and from how many incidents on a figure says something."""

    windows_days: Annotated[
        list[Days], Field(min_length=1, max_length=20), AfterValidator(once)
    ] = [7, 30, 90, 365]  # noqa: RUF012
    min_incidents: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 10


class Calendar(Strict):
    """Working hours and holidays per team; a team not listed has the defaults."""

    defaults: Annotated[Schedule, BeforeValidator(empty_if_none)] = Schedule()
    teams: Annotated[
        dict[TeamName, Annotated[TeamSchedule, BeforeValidator(empty_if_none)]],
        BeforeValidator(empty_if_none),
    ] = Field(default_factory=dict)
    reports: Annotated[Reports, BeforeValidator(empty_if_none)] = Reports()

    def record(self) -> dict[str, Any]:
        """`calendars`, that of the defaults and one a team, and the `holidays` of all of them."""
        defaults = self.defaults.model_dump()
        calendars: list[dict[str, Any]] = [{"calendar": "defaults", "team": None, **defaults}]
        for team, stated in self.teams.items():
            name = {"calendar": f"team:{team}", "team": team}
            calendars.append(defaults | stated.model_dump(exclude_none=True) | name)
        return {
            "reports": self.reports.model_dump(),
            "calendars": calendars,
            "holidays": [
                {"calendar": calendar["calendar"], **holiday}
                for calendar in calendars
                for holiday in calendar["holidays"]
            ],
        }
