"""People's funding decisions: every version of `prioritized.yaml` on the default branch, who merged
it, and who reviewed the pull request.

A version that can't be read decides nothing. If it is the newest one, the sync fails with its line
and fix, and what landed is kept: the last good version still counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestration.documents import DocumentError
from orchestration.documents.models import parse_model
from orchestration.documents.prioritized import PrioritizedFile
from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors import base
from orchestration.vendors.decisions.settings import DecisionsSettings
from orchestration.vendors.git.history import Version

# Later reviews and comments are not looked for.
SETTLED = timedelta(days=30)
FOLDER = "decisions/versions"


class DecisionsConfig(DecisionsSettings):
    """The settings, which build an extractor."""

    def extractor(self, context: base.Context) -> Decisions:
        self.repository(context.environment)
        return Decisions(self, context)


class Decisions:
    """See `Extractor`. The cursor `pulls` has what is known of each commit's pull request."""

    def __init__(self, config: DecisionsConfig, context: base.Context) -> None:
        self._config, self._context = config, context
        self._history = config.history(context, Path())
        self._github = config.github(context)

    @property
    def requests(self) -> int:
        return self._history.requests + (self._github.http.requests if self._github else 0)

    def check(self) -> str:
        self._history.probe()
        reviews = "with" if self._github else "without"
        return f"{self._config.path}, {reviews} its pull requests"

    def sync(self, landing: Landing) -> None:
        asked = self._history.requests
        self._history = self._config.history(self._context, landing.cache / "decisions.git")
        self._history.requests = asked
        path = self._config.path
        self._history.fetch(self._config.branch, self._config.base_branch or "")
        versions = self._history.versions(path)
        good, invalid = self._read(path, versions)
        pulls, error = self._pulls(landing, good)
        there = {*_placed(landing.root)}
        wanted = {f"{FOLDER}/{one.sha}.yaml": content for one, content in good}
        for name, content in wanted.items():
            if name not in there:
                landing.place(name, content)
        landing.remove(sorted(there - wanted.keys()))
        rows = [
            {**one._asdict(), "position": position, "pull": pulls.get(one.sha)}
            for position, (one, _) in enumerate(good, start=1)
        ]
        landing.replace("commits", "commits", rows)
        landing.commit(pulls=pulls)
        self._context.progress(f"decisions: {len(good):,} versions of {path}")
        if problem := invalid or error:
            raise problem

    def _read(
        self, path: str, versions: list[Version]
    ) -> tuple[list[tuple[Version, bytes]], SourceError | None]:
        """The readable ones, and what is wrong with the newest one."""
        where = f"decisions: {path} of {self._history.base_name}"
        problem: SourceError | None = None
        if versions and not versions[-1].blob:
            problem = SourceError(f"{where}: was deleted; restore it")
        present = [one for one in versions if one.blob]
        good = []
        for one, content in zip(present, self._history.contents(path, present), strict=True):
            try:
                text = content.decode("utf-8-sig")
                parse_model(text, Path(path).name, PrioritizedFile)
                good.append((one, content))
            except (DocumentError, UnicodeDecodeError) as error:
                if one is versions[-1]:
                    who = f"{one.sha[:10]} of {one.author_name}"
                    kept = "previous decisions remain valid"
                    problem = SourceError(f"{where}: {who}: {error}; {kept}")
        return good, problem

    def _pulls(
        self, landing: Landing, good: list[tuple[Version, bytes]]
    ) -> tuple[dict[str, Any], SourceError | None]:
        """Pull requests by commit, as far as GitHub answered; the error that stopped it."""
        known = landing.cursors.get("pulls", {})
        pulls = {one.sha: known[one.sha] for one, _ in good if one.sha in known}
        if self._github is None:
            return pulls, None
        for one, _ in reversed(good):
            age = landing.started_at - base.moment(one.committed_at)
            if one.sha in pulls and age > SETTLED:
                continue
            try:
                pulls[one.sha] = self._github.of_commit(one.sha)
            except SourceError as error:
                return pulls, error
        return pulls, None


def _placed(root: Path) -> Iterator[str]:
    for file in sorted((root / FOLDER).glob("*.yaml")):
        yield file.relative_to(root).as_posix()
