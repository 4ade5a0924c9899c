"""Working seconds and pages out of hours, against Python's own time zones, on random data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .compiled_models import AS_OF, NewWarehouse, Warehouse

DAY = timedelta(days=1)
NOW = datetime.fromisoformat(AS_OF)
# Whole hours, half and quarter hours, changes of half an hour, at midnight, and none.
ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Cairo", "America/St_Johns",
    "Pacific/Kiritimati", "Pacific/Pago_Pago",
)  # fmt: skip
# Days on which one of these clocks changes.
CHANGES = (
    datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 3, 8), datetime(2026, 11, 1),
    datetime(2026, 4, 4), datetime(2026, 10, 3), datetime(2026, 4, 23), datetime(2026, 10, 29),
)  # fmt: skip

Hours = dict[int, tuple[int, int]]
Calendar = tuple[str, Hours, frozenset[date]]

COUNTED = "incident_id, service_id, triggered_at timestamp, acknowledged_at timestamp"
LOOSE = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def hours(edges: st.SearchStrategy[int]) -> st.SearchStrategy[Hours]:
    """Working hours by weekday, in minutes; such as end before they begin end on the next day."""

    def opened(pair: tuple[int, int]) -> tuple[int, int]:
        opens, closes = pair
        return opens, closes if closes > opens else closes + 1440

    pairs = st.tuples(edges.filter(lambda m: m < 1440), edges).filter(lambda p: p[0] != p[1])
    return st.dictionaries(st.integers(1, 7), pairs.map(opened), min_size=2, max_size=7)


def moments(step: int, change: datetime) -> st.SearchStrategy[datetime]:
    """Moments of 2026 on whole `step` seconds, most of them near the change of a clock."""
    anywhere = st.datetimes(datetime(2026, 1, 1), NOW - DAY * 9)
    starts = st.one_of(st.just(change), st.just(change), anywhere)
    offset = st.integers(-2 * 86400 // step, 2 * 86400 // step).map(
        lambda n: timedelta(seconds=n * step)
    )
    return st.tuples(starts, offset).map(
        lambda pair: pair[0].replace(second=0, microsecond=0) + pair[1]
    )


def near(stated: list[Calendar], change: datetime) -> st.SearchStrategy[datetime]:
    """Moments near the change, and those around the beginnings and ends of hours, were there no
    holidays."""
    first, last = change.date() - 2 * DAY, change.date() + 2 * DAY
    edges = {
        edge + timedelta(seconds=n)
        for zone, opened, _ in stated
        for shift in shifts((zone, opened, frozenset()), first, last)
        for edge in shift
        for n in (-1, 0, 1)
    }
    return st.sampled_from(sorted(edges)) | moments(1, change) if edges else moments(1, change)


def calendars(edges: st.SearchStrategy[int], change: datetime) -> st.SearchStrategy[list[Calendar]]:
    days = st.sampled_from([change.date() + DAY * n for n in (-2, -1, 0, 1)])
    one = st.tuples(st.sampled_from(ZONES), hours(edges), st.frozensets(days, max_size=2))
    return st.lists(one, min_size=1, max_size=3)


def fill_calendars(models: Warehouse, stated: list[Calendar]) -> None:
    """The calendars k0, k1, ... of the services s0, s1, ..., with the hours c0, c1, ..."""
    numbered = list(enumerate(stated))
    models.fill(
        "int_calendar__calendars",
        "calendar_name, hours_calendar_name, team_key, time_zone, is_assumed boolean",
        [(f"k{n}", f"c{n}", None, zone, False) for n, (zone, _, _) in numbered],
    )
    models.fill(
        "int_calendar__services", "service_id, team_id, calendar_name",
        [(f"s{n}", f"t{n}", f"k{n}") for n, _ in numbered],
    )  # fmt: skip
    models.fill(
        "stg_calendar__hours",
        "calendar_name, iso_weekday bigint, opens_minute bigint, closes_minute bigint",
        [(f"c{n}", day, *pair) for n, (_, opened, _) in numbered for day, pair in opened.items()],
    )
    models.fill(
        "stg_calendar__holidays", "calendar_name, holiday_date date, holiday_name",
        [(f"c{n}", day, "Holiday") for n, (_, _, days) in numbered for day in days],
    )  # fmt: skip


def in_utc(zone: str, day: date, minute: int) -> datetime:
    """When the zone's clock shows that minute of the day; of two such moments the first."""
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def shifts(calendar: Calendar, first: date, last: date) -> list[tuple[datetime, datetime]]:
    """Working hours in UTC; such as run into the next day's end where those begin."""
    zone, opened, holidays = calendar
    found: list[tuple[datetime, datetime]] = []
    begins: dict[date, datetime] = {}
    for back in range((last - first).days + 1):
        day = last - back * DAY
        if day not in holidays and day.isoweekday() in opened:
            opens, closes = (in_utc(zone, day, minute) for minute in opened[day.isoweekday()])
            begins[day] = opens
            found.append((opens, max(opens, min(closes, begins.get(day + DAY, datetime.max)))))
    return found


def worked(calendar: Calendar, start: datetime, end: datetime) -> int:
    """Seconds by intervals."""
    spans = shifts(calendar, start.date() - 2 * DAY, end.date() + 2 * DAY)
    both = ((min(end, closes) - max(start, opens)).total_seconds() for opens, closes in spans)
    return int(sum(max(seconds, 0) for seconds in both))


def is_working(calendar: Calendar, moment: datetime) -> bool:
    """Whether the clock on the wall shows a time at which the team works: of yesterday's hours what
    comes before today's begin."""
    zone, opened, holidays = calendar
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    for day in (local.date(), local.date() - DAY):
        if day in holidays or day.isoweekday() not in opened:
            continue
        opens, closes = opened[day.isoweekday()]
        midnight = datetime.combine(day, time())
        if midnight + timedelta(minutes=opens) <= local:
            return local < midnight + timedelta(minutes=closes)
    return False


@st.composite
def incidents(
    draw: st.DrawFn, services: int, at_moments: st.SearchStrategy[datetime], step: int
) -> tuple[int, datetime, list[tuple[datetime, datetime]]]:
    """Service, acknowledgement, and one to three stretches of up to two days."""
    lengths = st.integers(0, 2 * 86400 // step).map(lambda n: timedelta(seconds=n * step))
    at = draw(at_moments)
    acknowledged = at + draw(lengths)
    active = []
    for _ in range(draw(st.integers(1, 3))):
        end = at + draw(lengths)
        active.append((at, end))
        at = end + draw(lengths)
    return draw(st.integers(0, services - 1)), acknowledged, active


def minutes_worked(calendar: Calendar, start: datetime, end: datetime) -> int:
    """Seconds by the clock on the wall, read every minute."""
    minutes = int((end - start).total_seconds()) // 60
    return 60 * sum(is_working(calendar, start + timedelta(minutes=n)) for n in range(minutes))


# Seconds of a clock that may change within working hours, by intervals; and such that don't, by
# reading the clock every minute.
@pytest.mark.parametrize(
    ("edges", "step", "most", "expected"),
    [
        (st.integers(0, 1440), 1, 12, worked),
        (st.sampled_from((0, 1440)) | st.integers(4 * 60, 22 * 60), 60, 2, minutes_worked),
    ],
)
@settings(LOOSE, max_examples=25)
@given(data=st.data())
def test_business_seconds_equal_pythons(
    warehouse: NewWarehouse,
    edges: st.SearchStrategy[int],
    step: int,
    most: int,
    expected: Callable[[Calendar, datetime, datetime], int],
    data: st.DataObject,
) -> None:
    change = data.draw(st.sampled_from(CHANGES))
    stated = data.draw(calendars(edges, change))
    at = near(stated, change) if step == 1 else moments(step, change)
    spans = data.draw(st.lists(incidents(len(stated), at, step), min_size=1, max_size=most))
    models = warehouse()
    fill_calendars(models, stated)
    models.fill(
        "int_incidents__counted", COUNTED,
        [(f"i{n}", f"s{service}", active[0][0], taken)
         for n, (service, taken, active) in enumerate(spans)],
    )  # fmt: skip
    models.fill(
        "int_incidents__stretches", "incident_id, started_at timestamp, ended_at timestamp",
        [(f"i{n}", *one) for n, (_, _, active) in enumerate(spans) for one in active],
    )  # fmt: skip
    models.run("int_calendar__days", "int_calendar__incident_seconds")
    found = models.ask("from paydown_intermediate.int_calendar__incident_seconds")
    assert {incident: tuple(rest) for incident, *rest in found} == {
        f"i{n}": (
            expected(stated[service], active[0][0], taken),
            sum(expected(stated[service], *stretch) for stretch in active),
        )
        for n, (service, taken, active) in enumerate(spans)
    }


@LOOSE
@given(data=st.data())
def test_pages_are_out_of_hours_as_the_responders_clock_says(
    warehouse: NewWarehouse, data: st.DataObject
) -> None:
    change = data.draw(st.sampled_from(CHANGES))
    stated = data.draw(calendars(st.integers(0, 1440), change))
    zones = st.none() | st.none() | st.sampled_from(ZONES)
    page = st.tuples(st.integers(0, len(stated) - 1), zones, near(stated, change))
    pages = data.draw(st.lists(page, min_size=1, max_size=30))
    models = warehouse()
    fill_calendars(models, stated)
    incidents = [f"i{n}" for n in range(3)]
    models.fill("int_incidents__counted", COUNTED)
    models.fill(
        "int_incidents__classified", "incident_id, exclusion_reason, counted_as_id",
        [(incident, None, None) for incident in incidents],
    )  # fmt: skip
    models.fill(
        "int_incidents__services", "incident_id, service_id, triggered_service_id",
        [(incident, f"s{n}", None) for n, incident in enumerate(incidents)],
    )  # fmt: skip
    models.fill(
        "int_calendar__notifications",
        "page_id, incident_id, responder_id, responder_name, responder_time_zone, "
        "paged_at timestamp",
        [(str(n), f"i{c}", "r", "R", zone, at) for n, (c, zone, at) in enumerate(pages)],
    )
    models.run("int_calendar__pages")
    found = {
        int(page): (out, kind, local, monday)
        for page, out, kind, local, monday in models.ask(
            "select page_id, is_out_of_hours, page_time, local_at, week_starts_on "
            "from paydown_intermediate.int_calendar__pages"
        )
    }
    assert len(found) == len(pages)
    for n, (chosen, zone, at) in enumerate(pages):
        own_zone, opened, holidays = stated[chosen]
        calendar = (zone or own_zone, opened, holidays)
        local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(calendar[0])).replace(tzinfo=None)
        day = local.date()
        if is_working(calendar, at):
            kind = "working hours"
        elif day in holidays:
            kind = "holiday"
        else:
            kind = "night" if day.isoweekday() in opened else "weekend"
        monday = day - timedelta(days=day.weekday())
        assert found[n] == (kind != "working hours", kind, local, monday)
