"""`modernization/capacity.yaml` and `calendar.yaml`: teams' costs and capacity, working hours, and
the windows of published durations.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from orchestration.documents.strict import (
    Amount,
    CheckedShare,
    Day,
    Days,
    Number,
    Strict,
    invalid,
    matching,
    once,
    short_text,
)

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@cache
def time_zones() -> list[str]:
    """The zones that every warehouse knows: UTC, and those named as area/city."""
    return ["UTC", *sorted(name for name in available_timezones() if "/" in name)]


def _zone(name: str) -> str:
    if name not in time_zones():
        example = next(iter(get_close_matches(name, time_zones(), n=1)), "Europe/Paris")
        raise invalid("is not a time zone", f"write area and city, such as {example}, or UTC")
    return name


def _hours(text: str) -> str:
    """Without blanks; an end before the start is on the next day."""
    opens, closes = (time.strip() for time in text.split("-"))
    if opens == closes:
        raise invalid("begins when it ends", "write 00:00-24:00 for all day")
    return f"{opens}-{closes}"


TeamName = Annotated[
    str,
    Field(max_length=200),
    matching(
        r"(?=.*\S)[^/\\\x00-\x1f\x7f]+",
        "is not a team's name",
        "write the name of the catalog, such as team-payments",
    ),
]
Wip = Annotated[int, Field(strict=True, ge=0, le=1000)]
# A rate of 0 would make every budget 0.
Rate = Annotated[Number, Field(gt=0, le=1e6)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
WorkingHours = Annotated[
    str,
    AfterValidator(_hours),
    matching(
        r"(?:[01]\d|2[0-3]):[0-5]\d\s*-\s*(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)",
        "is not a range of times of day",
        "write such as 09:00-17:00; 22:00-06:00 ends on the next day, 00:00-24:00 is all day",
    ),
]


class TeamDefaults(Strict):
    """The defaults of a team. The article asks for 15 to 25 %."""

    day_rate_usd: Rate
    carve_out_share: CheckedShare = 0.20
    wip_limit: Wip = 2


class Team(Strict):
    day_rate_usd: Rate | None = None
    engineers: Amount | None = None
    carve_out_share: CheckedShare | None = None
    wip_limit: Wip | None = None


class Capacity(Strict):
    """Rates, carve-out and open epics per team; a team not listed has the defaults."""

    currency: Literal["USD"] = "USD"
    defaults: TeamDefaults
    teams: dict[TeamName, Team] = Field(default_factory=dict)


class Holiday(Strict):
    date: Day
    name: Annotated[str, short_text(200)]


class Schedule(Strict):
    """When a team works, if stated. Hours are local time, with daylight saving."""

    time_zone: TimeZone | None = None
    working_days: Annotated[list[Weekday], Field(min_length=1), once()] | None = None
    working_hours: WorkingHours | None = None
    holidays: (
        Annotated[list[Holiday], Field(max_length=5_000), once(lambda day: day.date)] | None
    ) = None


USUAL = {
    "time_zone": "UTC",
    "working_days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    "working_hours": "09:00-17:00",
    "holidays": [],
}


class Reports(Strict):
    """Windows that end at `as_of`, and the minimum number of incidents for a meaningful figure."""

    windows_days: Annotated[list[Days], Field(min_length=1, max_length=20), once()] = Field(
        default_factory=lambda: [7, 30, 90, 365]
    )
    min_incidents: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 10


class Calendar(Strict):
    """Working hours and holidays per team; a team not listed has the defaults.

    A team's holidays replace the defaults'.
    """

    defaults: Schedule = Schedule()
    teams: dict[TeamName, Schedule] = Field(default_factory=dict)
    reports: Reports = Reports()

    def record(self) -> dict[str, Any]:
        """`calendars`, the default one and one per team, and the `holidays` of all of them."""
        defaults = USUAL | self.defaults.model_dump(exclude_none=True)
        calendars = [{"calendar": "defaults", "team": None} | defaults] + [
            {"calendar": f"team:{team}", "team": team}
            | defaults
            | schedule.model_dump(exclude_none=True)
            for team, schedule in self.teams.items()
        ]
        return {
            "reports": self.reports.model_dump(),
            "calendars": calendars,
            "holidays": [
                {"calendar": calendar["calendar"]} | day
                for calendar in calendars
                for day in calendar["holidays"]
            ],
        }
