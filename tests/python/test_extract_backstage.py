"""The catalog by Backstage's API: whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from orchestration.http import SourceError
from orchestration.vendors.backstage import BackstageConfig

from .extraction import Source
from .loopback import Answer, landed, serving
from .vendor_backstage import Catalog

FILE = "backstage/entities/catalog.ndjson.gz"


def sync(root: Path, url: str, **settings: Any) -> None:
    """One sync, which takes one request."""
    config = BackstageConfig.model_validate({"url": url, **settings})
    source = Source("backstage", {"BACKSTAGE_TOKEN": "tok-backstage"})
    requests, _, streams = source.sync(root, config)
    assert requests == 1
    assert streams["entities"].source_count == len(names(root))


def names(root: Path) -> list[str]:
    return [record["metadata"]["name"] for record in landed(root, "backstage/entities")]


def test_the_catalog_as_it_stands(tmp_path: Path) -> None:
    vendor = Catalog(8)
    vendor.register("ana", kind="User")
    with serving(vendor) as url:
        sync(tmp_path, url)
        assert names(tmp_path) == [f"s{number}" for number in range(8)]
        before = (tmp_path / FILE).read_bytes()
        vendor.entities["s3"] = vendor.entities.pop("s3")
        sync(tmp_path, url)
        assert (tmp_path / FILE).read_bytes() == before
        del vendor.entities["s0"]
        vendor.register("new")
        sync(tmp_path, url)
        assert names(tmp_path) == ["new", *(f"s{number}" for number in range(1, 8))]
        sync(tmp_path, url, filter=["kind=user"], least_share=0)
    (entity,) = landed(tmp_path, "backstage/entities")
    # What is read is what the reader uses.
    assert entity["metadata"] == {"name": "ana", "namespace": "default", "labels": {}}
    assert entity["spec"] == {"type": "service"}


def test_an_answer_that_shrank_is_not_believed(tmp_path: Path) -> None:
    vendor = Catalog(8)
    with serving(vendor) as url:
        sync(tmp_path, url)
        before = names(tmp_path)
        for name in list(vendor.entities)[:5]:
            del vendor.entities[name]
        with pytest.raises(SourceError, match=r"has 3 entities, 8 came before.*least_share: 0"):
            sync(tmp_path, url)
        assert names(tmp_path) == before
        sync(tmp_path, url, least_share=0.25)
        assert names(tmp_path) == ["s5", "s6", "s7"]
        vendor.entities.clear()
        with pytest.raises(SourceError, match="has 0 entities"):
            sync(tmp_path, url, least_share=0.01)
        sync(tmp_path, url, least_share=0)
        assert names(tmp_path) == []
        with pytest.raises(SourceError, match="has 0 entities"):
            sync(tmp_path / "new", url)


@pytest.mark.parametrize("answer", [{"items": []}, ["x"], [{"name": "s0"}]])
def test_something_else_at_the_address_is_reported(tmp_path: Path, answer: Any) -> None:
    vendor = Catalog(2)
    with (
        patch.object(vendor, "answer", lambda _: Answer(answer)),
        serving(vendor) as url,
        pytest.raises(SourceError, match="answered without entities"),
    ):
        sync(tmp_path, url)
