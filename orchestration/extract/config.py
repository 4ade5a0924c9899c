"""`modernization/sources.yaml`: which live systems there are, who owns each, how fresh it must be.

What is read is switched on by the environment (`PAYDOWN_SOURCES=pagerduty,prometheus`), so that the
same file serves a laptop and production. Secrets are in the environment, never in the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.extract.base import SourceConfig
from orchestration.rubric.strict import Strict


class Sources(Strict):
    """Every live source, with defaults for those that the file doesn't name."""

    def enabled(self, names: tuple[str, ...]) -> Iterator[tuple[str, SourceConfig]]:
        """The sources of these names, in this order; `SOURCE_NAMES` has all."""
        for name in names:
            yield name, getattr(self, name)


SOURCE_NAMES = tuple(Sources.model_fields)
