"""The paging loop and its styles, against listings that change while they are read."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import Reply, SourceError, UnavailableError
from orchestration.http.paging import ATTEMPTS, ByOffset, MovedError, by_token, pages, steady
from orchestration.landing import open_landing
from orchestration.vendors.pagerduty.pages import Window, in_pieces

SIZE = 4


class Listing:
    """Records by offset, and something that happens before each request."""

    def __init__(self, count: int, happens: Callable[[list[int]], object] = lambda _: None) -> None:
        self.records = list(range(count))
        self.happens = happens

    def ask(self, offset: int) -> Reply:
        self.happens(self.records)
        page = self.records[offset : offset + SIZE]
        data = {"items": [{"id": one} for one in page], "total": len(self.records)}
        return Reply(data, {}, 200, datetime.now(UTC))

    def read(self, *, may_grow: bool = False) -> list[int]:
        style = ByOffset(
            lambda data: data["items"], lambda data, end: end < data["total"], may_grow=may_grow
        )
        return [one["id"] for page in pages(self.ask, style, 0) for one in page.records]


def token_pages(answers: dict[str, Any]) -> list[int]:
    style = by_token(lambda data: data["items"], lambda data: data.get("next"))

    def ask(token: str) -> Reply | None:
        found = answers.get(token)
        return Reply(found, {}, 200, datetime.now(UTC)) if found else None

    return [one for page in pages(ask, style, "") for one in page.records]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 7, 8, 40])
def test_a_listing_that_stands_still_comes_once_and_in_full(count: int) -> None:
    assert Listing(count).read() == list(range(count))


@pytest.mark.parametrize("seed", range(60))
def test_a_listing_that_moves_is_noticed_or_comes_in_full(seed: int) -> None:
    chance = random.Random(seed)
    removed: set[int] = set()

    def happens(records: list[int]) -> None:
        if chance.random() < 0.2:
            removed.add(records.pop(chance.randrange(len(records))))
        if chance.random() < 0.2:
            records.insert(chance.randrange(len(records)), 1000 + chance.randrange(10**6))

    try:
        found = Listing(25, happens).read()
    except MovedError:
        return
    assert len(found) == len(set(found))
    assert set(range(25)) - removed <= set(found)


@pytest.mark.parametrize("seed", range(20))
def test_new_records_at_the_beginning_hide_none(seed: int) -> None:
    chance = random.Random(seed)
    listing = Listing(25, lambda records: chance.random() < 0.5 and records.insert(0, -1))
    found = [one for one in listing.read(may_grow=True) if one >= 0]
    assert found == list(range(25))


def test_records_that_vanish_from_the_beginning_are_noticed() -> None:
    listing = Listing(25, lambda records: records.__delitem__(slice(0, SIZE)))
    with pytest.raises(MovedError):
        listing.read(may_grow=True)


def test_tokens_lead_on_until_there_is_none_or_nothing_is_there() -> None:
    first = {"items": [1, 2], "next": "b"}
    assert token_pages({"": first, "b": {"items": [3]}}) == [1, 2, 3]
    assert token_pages({"": first}) == [1, 2]
    with pytest.raises(SourceError, match="same page again and again"):
        token_pages({"": first, "b": {"items": [3], "next": "b"}})


def test_what_never_stands_still_is_given_up() -> None:
    attempts = []

    def read() -> None:
        attempts.append(1)
        raise MovedError("it moved")

    with pytest.raises(UnavailableError, match="here: it moved, 3 times over"):
        steady("here", read, 2)
    assert len(attempts) == 3


def test_a_second_that_never_holds_still_is_given_up_and_one_that_does_is_read(
    tmp_path: Path,
) -> None:
    since = datetime(2026, 6, 1, tzinfo=UTC)
    window = Window(since, since + timedelta(seconds=4))
    tried: Counter[Window] = Counter()

    def read(piece: Window) -> None:
        tried[piece] += 1
        if tried[piece] <= moves:
            raise MovedError("a record moved")

    with open_landing(tmp_path / "landing", tmp_path / "state", "pagerduty", since) as landing:
        moves = ATTEMPTS
        assert [piece.since.second for piece in in_pieces(landing, window, read)] == [0, 1, 2, 3]
        moves = 1_000
        with pytest.raises(UnavailableError, match=f"moved, {ATTEMPTS + 1} times over"):
            list(in_pieces(landing, window, read))
