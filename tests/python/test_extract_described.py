"""What is asked of a vendor is what the vendor's own description of its API allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .described import SPECS, problems
from .loopback import IMPATIENT
from .test_extract_sources import at_work

# In Opsgenie's documentation, and not in its machine-readable description.
DOCUMENTED = r"/v1/services|/v2/incident-timelines/[^/]+/entries"


@pytest.mark.parametrize(
    ("source", "spec", "prefix"),
    [
        ("pagerduty", "pagerduty-rest.json", ""),
        ("opsgenie", "opsgenie.json", ""),
        ("prometheus", "prometheus-openapi-3.1.yaml", "/api/v1"),
    ],
)
def test_requests_are_as_the_vendor_describes_them(
    tmp_path: Path, source: str, spec: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (SPECS / spec).exists():
        pytest.skip("the vendor's description is not at hand")
    with at_work(tmp_path, source, "second", monkeypatch) as (site, url, begun):
        assert begun
        site.config(url).extractor(site.context()).check()
        site.sync(begun, url, IMPATIENT)
    asked = [one for one in site.vendor.requests if not re.fullmatch(DOCUMENTED, one.path)]
    assert len({one.path for one in asked}) > 1
    assert problems(spec, asked, prefix) == set()
