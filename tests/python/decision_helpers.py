"""A repository with `prioritized.yaml`, and people who write in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestration.decisions.sync import Proposal, sync_decisions
from orchestration.vendors.base import Context
from orchestration.vendors.decisions.extractor import DecisionsConfig

from .extraction import CALM
from .vendor_git import ENVIRONMENT, Remote

PATH = "modernization/prioritized.yaml"
BRANCH = "chore/update-modernization"


def row(name: str, rank: int, score: int = 24, **more: Any) -> dict[str, Any]:
    """What the marts say of a service."""
    said = {"id": f"component:default/{name}", "cycle": 1, "service": name, "rank": rank}
    said |= {"score": score, "owner": "team-platform", "budget_usd": 6000}
    return {**said, "exit_criteria": ["Runbooks in repo (/runbooks)"], "risk_ids": ["RSK1"], **more}


ROWS = [row("gateway", 1, 26), row("ledger", 2)]


class Repository(Remote):
    """A remote with `main`, whose pull request branch people edit too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put("README.md", "x\n")
        self.commit()

    def text(self, branch: str = BRANCH) -> str:
        return self.git("show", f"{branch}:{PATH}") + "\n"

    def edit(self, old: str, new: str, branch: str = BRANCH) -> None:
        """Somebody replaces text of the file on a branch."""
        self.git("checkout", "-q", branch)
        before = (self.folder / PATH).read_text()
        assert old in before
        self.put(PATH, before.replace(old, new, 1))
        self.commit()
        self.git("checkout", "-q", "main")

    def decide(self, service: str, decision: str, branch: str = BRANCH, note: str = "") -> None:
        """The CTO decides about a service."""
        text = self.text(branch)
        begin = text.index("    decision:", text.index(f"service: {service}"))
        end = text.index("    risk_acceptance:", begin)
        said = f"    decision: {decision}  # in the triage\n    by: cto\n    on: 2026-06-26\n"
        said += f"    amount_usd:\n    until:\n    note: {note}\n"
        self.edit(text, text[:begin] + said + text[end:], branch)

    def merge(self, *, squash: bool = False) -> str:
        """The pull request is merged; its branch stays."""
        self.git("merge", "-q", *(["--squash"] if squash else ["--no-ff", "-m", "Merge"]), BRANCH)
        if squash:
            self.git("commit", "-q", "-m", "Squashed")
        return self.git("rev-parse", "HEAD")


def config(url: str, **more: Any) -> DecisionsConfig:
    return DecisionsConfig.model_validate({"url": url, **more})


def context(**environment: str) -> Context:
    return Context(environment={**ENVIRONMENT, **environment}, patience=CALM)


def propose(
    url: str, rows: list[dict[str, Any]] = ROWS, *, token: str = "", **more: Any
) -> Proposal:
    """One sync of these rows."""
    environment = {"GH_TOKEN": token} if token else {}
    return sync_decisions(config(url, **more), rows, context(**environment))
