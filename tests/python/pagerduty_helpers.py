"""What the tests of PagerDuty's extractor share: a sync, and what landed."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from orchestration.http import Patience, SourceError
from orchestration.landing import open_landing
from orchestration.vendors.base import Context, moment
from orchestration.vendors.pagerduty import PagerDuty, PagerDutyConfig, analytics, pages

from .loopback import landed
from .vendor_pagerduty import START, TOKEN, Account

SINCE = date(2026, 3, 1)
FLOOR = datetime(2026, 3, 1, tzinfo=UTC)
SETTLE = timedelta(seconds=60)
# For tests whose server never hangs, on machines that may.
CALM = Patience(attempts=4, reply_seconds=30, backoff=lambda _: 0.0, sleep=lambda _: None)


def account(page: int = 5, cap: int = 40, ends: str = "[)") -> Account:
    return Account(page, cap, ends)


def extractor(url: str, patience: Patience = CALM, **options: Any) -> PagerDuty:
    config = PagerDutyConfig.model_validate({"url": url, "since": SINCE, **options})
    return config.extractor(Context({"PAGERDUTY_TOKEN": TOKEN}, patience=patience))


def sync(root: Path, url: str, cap: int = 40, **options: Any) -> PagerDuty:
    """One sync, with pages as small as those of `account`, and its entry in the journal."""
    one = extractor(url, **options)
    with (
        patch.multiple(pages, PAGE=5, CAP=cap),
        patch.object(analytics, "PAGE", 4),
        open_landing(root, root / "state", "pagerduty") as landing,
    ):
        try:
            one.sync(landing)
        except SourceError as error:
            landing.journal("stopped", str(error), one.requests, START)
            raise
        landing.journal("complete", "", one.requests, START)
    return one


def fill(vendor: Account, number: int, chance: random.Random, days: int = 110) -> None:
    """Incidents of the days before, each with two or three entries; a few are much older."""
    for n in range(number):
        at = START - timedelta(seconds=chance.randrange(3600, days * 86_400))
        one = vendor.create(at if n % 9 else at - timedelta(days=300))
        vendor.change(one, "acknowledged", at + timedelta(minutes=3))
        if n % 3:
            vendor.change(one, "resolved", at + timedelta(minutes=30))


def incidents(root: Path) -> dict[str, dict[str, Any]]:
    """The newest landed version of each."""
    versions = sorted(landed(root, "pagerduty/incidents"), key=lambda one: one["updated_at"])
    return {one["id"]: one for one in versions}


def entries(root: Path) -> Counter[str]:
    return Counter(one["id"] for one in landed(root, "pagerduty/log_entries"))


def deleted(root: Path) -> set[str]:
    """As `int_incidents__pagerduty` has it: within a swept window, and not in it."""
    swept = list(landed(root, "pagerduty/incident_ids"))
    windows = [pages.Window(moment(s["since"]), moment(s["until"])) for s in swept if not s["id"]]
    ids = {one["id"] for one in swept}
    return {
        name
        for name, one in incidents(root).items()
        if name not in ids and any(moment(one["created_at"]) in window for window in windows)
    }


def state(root: Path) -> dict[str, Any]:
    return json.loads((root / "state" / "pagerduty.json").read_text())["cursors"]


def journal(root: Path) -> list[dict[str, Any]]:
    return list(landed(root, "paydown/syncs"))


def contents(root: Path) -> dict[str, Counter[str]]:
    """Every landed record of every stream, and how often it is there.

    A month whose reading was interrupted is swept by itself, up to a later moment.
    """
    return {
        folder.name: Counter(
            json.dumps(one | ({"until": None} if folder.name == "incident_ids" else {}))
            for one in landed(root, f"pagerduty/{folder.name}")
        )
        for folder in (root / "pagerduty").iterdir()
    }
