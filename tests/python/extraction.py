"""One sync of a source against the loopback server of its vendor, and what it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.http import Patience, SourceError
from orchestration.landing import StreamReport, open_landing
from orchestration.vendors.base import Context, SourceConfig

from .loopback import Vendor

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
# For tests whose server never hangs, on machines that may.
CALM = Patience(attempts=4, reply_seconds=30, backoff=lambda _: 0.0, sleep=lambda _: None)


@dataclass
class Source:
    """Where and how a test's source lands: a name, what the environment holds, its server.

    The landing folder is the `root` of a sync; its state is below it unless told otherwise.
    """

    name: str
    environment: Mapping[str, str]
    vendor: Vendor | None = None
    patience: Patience = CALM
    base_folder: Path = Path()

    def context(self, said: list[str] | None = None) -> Context:
        return Context(
            environment=self.environment,
            progress=said.append if said is not None else lambda _: None,
            patience=self.patience,
            base_folder=self.base_folder,
        )

    def sync(
        self, root: Path, config: SourceConfig, *, state: Path | None = None
    ) -> tuple[int, list[str], Mapping[str, StreamReport]]:
        """One sync as a run does it: its requests, what it said, and its streams.

        Raises:
            SourceError: it was stopped; the journal says so, too.
        """
        said: list[str] = []
        now = self.vendor.now() if self.vendor else NOW
        with open_landing(root, state or root / "state", self.name, now) as landing:
            extractor = config.extractor(self.context(said))
            status, message = "complete", ""
            try:
                extractor.sync(landing)
            except SourceError as error:
                status, message = "stopped", str(error)
                raise
            finally:
                landing.journal(status, message, extractor.requests, now)
            return extractor.requests, said, landing.streams
