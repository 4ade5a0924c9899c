"""Epics and stories as a tracker holds them: what people do there, and a search that lags behind.

`vendor_jira_search.py` and `vendor_azure_devops_query.py` speak each vendor's language above it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .loopback import Vendor

BOARD = "incident-modernization"


@dataclass(frozen=True)
class Thing:
    """An epic or a story, in one of its versions."""

    id: int
    project: str
    title: str
    labels: tuple[str, ...]
    parent: int | None
    state: str
    rev: int
    created: datetime
    updated: datetime

    @property
    def is_epic(self) -> bool:
        return self.title.startswith("epic")


class Board(Vendor):
    """
    Attributes:
        lag: how long after a change a search still shows what was before.
        hidden: projects that we may not see.
        bin: ids of what was deleted.
    """

    def __init__(self, now: datetime, seed: int = 0) -> None:
        super().__init__()
        self.clock = now
        self.random = random.Random(seed)
        self.lag = timedelta(seconds=90)
        self.hidden: set[str] = set()
        self.bin: set[int] = set()
        self.complaints: list[str] = []
        # All versions of each, None where it was deleted.
        self.history: dict[int, list[tuple[datetime, Thing | None]]] = {}
        self.count = 0

    def now(self) -> datetime:
        return self.clock

    # What is asked of it.

    def current(self, one: int) -> Thing | None:
        thing = self.history[one][-1][1] if one in self.history else None
        return None if thing is None or thing.project in self.hidden else thing

    def there(self) -> dict[int, Thing]:
        """All that is there and may be seen."""
        return {one: thing for one in self.history if (thing := self.current(one))}

    def searched(self, holds: Callable[[Thing], bool]) -> list[Thing]:
        """What a search shows, by id: the index as it was, of what is still there."""
        at = self.clock - self.lag
        shown = []
        for _, versions in sorted(self.history.items()):
            indexed = next((thing for moment, thing in reversed(versions) if moment <= at), None)
            if indexed and indexed.project not in self.hidden and holds(indexed):
                shown.append(indexed)
        return shown

    # What people and paydown do.

    def add(self, title: str, *labels: str, parent: int | None = None, project: str = "") -> Thing:
        self.count += 1
        thing = Thing(
            10_000 + self.count, project or "MOD", title, labels, parent, "new", 1, self.clock,
            self.clock,
        )  # fmt: skip
        self.history[thing.id] = [(self.clock, thing)]
        return thing

    def epic(self, slug: str, cycle: int = 1, project: str = "") -> Thing:
        key = f"paydown-{slug}-{self.random.getrandbits(32):08x}-c{cycle}"
        return self.add(f"epic {slug}", BOARD, key, project=project)

    def story(self, epic: Thing, fix_class: str = "") -> Thing:
        """One of ours with its labels, or without a class of fix a person's, with none."""
        key = next((label for label in epic.labels if label.startswith("paydown-")), "")
        labels = (BOARD, f"{key}-{fix_class}") if fix_class and key else ()
        return self.add(f"story {fix_class}", *labels, parent=epic.id)

    def change(self, thing: Thing, **values: object) -> Thing:
        self.clock += timedelta(milliseconds=1)
        changed = replace(thing, **values, rev=thing.rev + 1, updated=self.clock)
        self.history[thing.id].append((self.clock, changed))
        return changed

    def delete(self, thing: Thing) -> None:
        self.clock += timedelta(milliseconds=1)
        self.history[thing.id].append((self.clock, None))
        self.bin.add(thing.id)

    def stir(self) -> None:
        """One thing happens."""
        things = list(self.there().values())
        epics = [thing for thing in things if thing.is_epic]
        stories = [thing for thing in things if not thing.is_epic]
        what = self.random.randrange(9)
        if not epics or what == 0:
            self.epic(f"svc-{self.count}")
        elif what in (1, 2):
            self.story(self.random.choice(epics), "retry" if what == 1 else "")
        elif what == 3:
            self.change(self.random.choice(things), state="done")
        elif what == 4:
            self.change(self.random.choice(things), state="active")
        elif what == 5 and self.random.random() < 0.4:
            self.delete(self.random.choice(things))
        elif what == 6 and stories:
            self.change(self.random.choice(stories), parent=self.random.choice(epics).id)
        elif what == 7 and stories:
            # Below an epic that isn't ours.
            self.change(self.random.choice(stories), parent=None, labels=())
        elif what == 8:
            self.change(self.random.choice(epics), labels=("somebody-tidied-up",))
