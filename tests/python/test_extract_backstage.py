"""The catalog by Backstage's API: whole or not at all, whatever changes while it is read."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from orchestration.http import SourceError
from orchestration.landing import open_landing
from orchestration.vendors.backstage import BackstageConfig
from orchestration.vendors.base import Context

from .loopback import IMPATIENT, Answer, Request, landed, serving
from .vendor_backstage import Catalog

TOKEN = "tok-backstage"  # noqa: S105
CONTEXT = Context(environment={"BACKSTAGE_TOKEN": TOKEN}, patience=IMPATIENT)
STREAM = "backstage/entities"


def sync(root: Path, url: str, context: Context = CONTEXT, **settings: Any) -> int:
    """One sync; says how many requests it took."""
    config = BackstageConfig.model_validate({"url": url, "page_size": 3, **settings})
    with open_landing(root / "landing", root / "state", "backstage") as landing:
        extractor = config.extractor(context)
        extractor.sync(landing)
        report = landing.streams["entities"]
        landing.journal("complete", "", extractor.requests, datetime.now(UTC))
    assert report.source_count == len(names(root))
    return extractor.requests


def attempt(root: Path, url: str) -> str:
    """One sync; says why it stopped, if it did."""
    try:
        sync(root, url)
    except SourceError as error:
        return str(error)
    return ""


def names(root: Path) -> list[str]:
    return sorted(record["metadata"]["name"] for record in landed(root / "landing", STREAM))


def catalog(size: int, seed: int = 0) -> Catalog:
    vendor = Catalog(seed)
    for number in range(size):
        vendor.register(f"s{number}")
    return vendor


def test_the_catalog_as_it_stands(tmp_path: Path) -> None:
    vendor = catalog(8)
    vendor.register("ana", kind="User")
    with serving(vendor) as url:
        # Three pages, and the count once more.
        assert sync(tmp_path, url) == 4
        assert names(tmp_path) == [f"s{number}" for number in range(8)]
        file = tmp_path / "landing/backstage/entities/catalog.ndjson.gz"
        before = file.read_bytes()
        assert sync(tmp_path, url) == 4
        assert file.read_bytes() == before
        del vendor.entities[min(vendor.entities)]
        vendor.register("new")
        sync(tmp_path, url)
        assert names(tmp_path) == [name for name in vendor.names() if name != "ana"]
        # One page is one answer.
        assert sync(tmp_path, url, page_size=500) == 1
        assert sync(tmp_path, url, filter=["kind=user"], least_share=0) == 1
        assert names(tmp_path) == ["ana"]


def test_what_is_read_is_what_the_reader_uses(tmp_path: Path) -> None:
    vendor = catalog(1)
    with serving(vendor) as url:
        sync(tmp_path, url)
    (entity,) = landed(tmp_path / "landing", STREAM)
    assert "definition" not in entity["spec"]
    assert entity["metadata"].keys() == {"name", "namespace", "annotations", "labels"}


class Change:
    """Changes the catalog at each request but those that the sync of a quiet one would make."""

    def __init__(self, vendor: Catalog, seed: int, requests: int) -> None:
        self.vendor, self.random, self.left = vendor, random.Random(seed), requests
        self.ever = set(vendor.names())
        self.always = set(vendor.names())

    def __call__(self, _: Request) -> None:
        if self.left <= 0:
            return
        self.left -= 1
        vendor, uids = self.vendor, list(self.vendor.entities)
        kind = self.random.choice(["create", "change", "remove", "again", "none"])
        if kind == "create":
            vendor.register(name := f"n{self.random.getrandbits(60)}")
            self.ever.add(name)
        elif kind in ("remove", "again"):
            name = vendor.entities.pop(self.random.choice(uids))["metadata"]["name"]
            self.always.discard(name)
            if kind == "again":
                vendor.register(name)
        elif kind == "change":
            vendor.entities[self.random.choice(uids)]["spec"]["lifecycle"] = "production"


@pytest.mark.parametrize("seed", range(60))
def test_changes_while_paging(tmp_path: Path, seed: int) -> None:
    vendor = catalog(14, seed)
    change = Change(vendor, seed, requests=random.Random(seed).randrange(1, 18))
    vendor.before = change
    with serving(vendor) as url:
        told = attempt(tmp_path, url)
        assert told == "" or "3 times over" in told
        # What was there all the time is there, or nothing is.
        assert told or change.always <= set(names(tmp_path)) <= change.ever
        assert not told or names(tmp_path) == []
        change.left = 0
        sync(tmp_path, url)
        assert names(tmp_path) == vendor.names()


def test_an_entity_that_is_registered_anew_meanwhile_is_not_missed(tmp_path: Path) -> None:
    vendor = catalog(9)
    last = max(vendor.entities)
    name = vendor.entities[last]["metadata"]["name"]

    def again(_: Request) -> None:
        if len(vendor.requests) == 2:
            entity = vendor.entities.pop(last)
            entity["metadata"]["uid"] = "0"
            vendor.entities["0"] = entity

    vendor.before = again
    with serving(vendor) as url:
        sync(tmp_path, url)
    assert name in names(tmp_path)
    assert len(names(tmp_path)) == 9


def test_a_catalog_that_never_stands_still_is_not_landed(tmp_path: Path) -> None:
    vendor = catalog(9)

    def create(_: Request) -> None:
        vendor.register(f"n{len(vendor.requests)}")

    vendor.before = create
    with serving(vendor) as url, pytest.raises(SourceError, match="3 times over"):
        sync(tmp_path, url)
    assert names(tmp_path) == []


def test_an_answer_that_shrank_is_not_believed(tmp_path: Path) -> None:
    vendor = catalog(8)
    with serving(vendor) as url:
        sync(tmp_path, url)
        before = names(tmp_path)
        for uid in list(vendor.entities)[:5]:
            del vendor.entities[uid]
        with pytest.raises(SourceError, match=r"has 3 entities, 8 came before.*least_share: 0"):
            sync(tmp_path, url)
        assert names(tmp_path) == before
        sync(tmp_path, url, least_share=0.25)
        assert names(tmp_path) == vendor.names()
        vendor.entities.clear()
        with pytest.raises(SourceError, match="has 0 entities"):
            sync(tmp_path, url, least_share=0.01)
        sync(tmp_path, url, least_share=0)
        assert names(tmp_path) == []
    with serving(Catalog()) as url, pytest.raises(SourceError, match="has 0 entities"):
        sync(tmp_path / "new", url)


def test_something_else_at_the_address_is_told(tmp_path: Path) -> None:
    vendor = catalog(2)
    with (
        patch.object(vendor, "answer", lambda _: Answer([{"kind": "Component"}])),
        serving(vendor) as url,
        pytest.raises(SourceError, match="something else than entities"),
    ):
        sync(tmp_path, url)
