"""People who work in a loopback tracker while paydown reads it, whichever tracker it is."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .loopback import Vendor

BOARD = "incident-modernization"


@dataclass(frozen=True)
class Thing:
    """An epic or a story as it is now, if it may be seen."""

    id: int
    title: str
    labels: tuple[str, ...]
    parent: int | None
    updated: datetime

    @property
    def is_epic(self) -> bool:
        return self.title.startswith("epic")


class People(Vendor):
    """What people and paydown do; subclasses store it.

    Attributes:
        clock: the server's; every change moves it on by a millisecond.
        hidden: projects that we may not see.
        lag: seconds until the search sees a write.
        index: by id, what the search knows of an item from which moment on; None: deleted.
    """

    def __init__(self, now: datetime, seed: int, lag: float) -> None:
        super().__init__()
        self.lag = lag
        self.index: dict[int, list[tuple[datetime, Any]]] = defaultdict(list)
        self.clock = now
        self.random = random.Random(seed)
        self.hidden: set[str] = set()
        self.complaints: list[str] = []
        self.count = 0

    def now(self) -> datetime:
        return self.clock

    def tick(self, seconds: float = 60) -> None:
        self.clock += timedelta(seconds=seconds)

    def note(self, one: int, state: Any) -> None:
        """The search will know it so."""
        self.index[one].append((self.clock + timedelta(seconds=self.lag), state))

    def indexed(self) -> Iterator[tuple[int, Any]]:
        """What the search knows now, by id."""
        for one in sorted(self.index):
            states = [state for at, state in self.index[one] if at <= self.clock]
            if states and states[-1] is not None:
                yield one, states[-1]

    @abstractmethod
    def put(self, title: str, labels: Iterable[str], parent: int | None, project: str) -> int:
        """Somebody opens one; its id."""

    @abstractmethod
    def alter(self, one: int, **values: Any) -> None:
        """Somebody changes `state` (active, done), `labels`, `parent` or `project`."""

    @abstractmethod
    def remove(self, one: int) -> None: ...

    @abstractmethod
    def things(self) -> dict[int, Thing]:
        """All that exists and may be seen."""

    def epic(self, slug: str, project: str = "") -> int:
        self.count += 1
        key = f"paydown-{slug}-{self.random.getrandbits(32):08x}-c1"
        return self.put(f"epic {slug}", (BOARD, key), None, project)

    def story(self, epic: int, fix_class: str = "") -> int:
        """One of ours with its labels, or without a class of fix a person's, with none."""
        self.count += 1
        there = self.things()[epic].labels
        key = next((label for label in there if label.startswith("paydown-")), "")
        labels = (BOARD, f"{key}-{fix_class}") if fix_class and key else ()
        return self.put(f"story {fix_class}", labels, epic, "")

    def stir(self) -> None:
        """One thing happens."""
        things = self.things().values()
        epics = [thing.id for thing in things if thing.is_epic]
        stories = [thing.id for thing in things if not thing.is_epic]
        what = self.random.randrange(9)
        if not epics or what == 0:
            self.epic(f"svc-{self.count}")
        elif what in (1, 2):
            self.story(self.random.choice(epics), "retry" if what == 1 else "")
        elif what in (3, 4):
            one = self.random.choice(epics + stories)
            self.alter(one, state="done" if what == 3 else "active")
        elif what == 5 and self.random.random() < 0.4:
            self.remove(self.random.choice(epics + stories))
        elif what == 6 and stories:
            self.alter(self.random.choice(stories), parent=self.random.choice(epics))
        elif what == 7 and stories:
            # Below an epic that isn't ours.
            self.alter(self.random.choice(stories), parent=None, labels=())
        elif what == 8:
            self.alter(self.random.choice(epics), labels=("somebody-tidied-up",))
