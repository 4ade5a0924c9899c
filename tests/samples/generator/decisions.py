"""What the repository says of money: a version of `prioritized.yaml`, and who merged it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .files import ndjson


def build_decisions() -> dict[str, bytes]:
    """Path below the landing folder to content, as a sync lands it."""
    version = Path(__file__).with_name("approved.yaml").read_bytes()
    sha = hashlib.sha1(version, usedforsecurity=False).hexdigest()
    merged = {"merged_by": "ines-cto", "merged_at": "2026-04-15T15:20:00Z"}
    remark = {"kind": "review", "by": "jonas-finance", "state": "approved",
              "body": "Within the carve-out; RSK0010117 stays open until it is proven.",
              "at": "2026-04-15T15:05:00Z"}  # fmt: skip
    commit = {
        "sha": sha,
        "author_name": "Ines Duarte",
        "subject": "Merge pull request #41: weekly modernization sync",
        "committed_at": merged["merged_at"],
        "position": 1,
        "pull": {
            "url": "https://github.example/tidalpay/modernization/pull/41",
            "opened_by": "modernization-bot",
            **merged,
            "remarks": [remark],
        },
    }
    return {
        "decisions/commits/commits.ndjson": ndjson([commit]),
        f"decisions/versions/{sha}.yaml": version,
    }
