"""The script that comments on a pull request, with stand-ins for `gh` and `paydown`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from .decision_helpers import Repository
from .flow_helpers import ROOT
from .vendor_git import ENVIRONMENT

GH = """#!/bin/sh
echo "$@" >> calls
case "$*" in
    *--jq*) cat posted 2> /dev/null || true ;;
    *body=@*) for last; do :; done; cat "${last#body=@}" > body ;;
esac
"""


@pytest.mark.parametrize(
    ("posted", "status", "call"),
    [
        ("", 0, "--method POST repos/o/r/issues/7/comments"),
        ("41\n", 0, "--method PATCH repos/o/r/issues/comments/41"),
        ("41\n", 1, "--method PATCH repos/o/r/issues/comments/41"),
    ],
)
def test_one_comment_is_written_and_kept_up_to_date(
    tmp_path: Path, posted: str, status: int, call: str
) -> None:
    for name, text in {
        "bin/gh": GH,
        ".venv/bin/paydown": f"#!/bin/sh\necho said of $*; exit {status}\n",
    }.items():
        script = tmp_path / name
        script.parent.mkdir(parents=True)
        script.write_text(text)
        script.chmod(0o755)
    (tmp_path / "posted").write_text(posted)
    shutil.copy(ROOT / ".github" / "preview.sh", tmp_path)
    done = subprocess.run(
        ["./preview.sh", "rubric", "whatif", "--scoring", "proposed.yaml"],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "GITHUB_REPOSITORY": "o/r",
            "PULL_REQUEST": "7",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        },
        check=False,
    )
    assert done.returncode == status
    said = "<!-- paydown rubric preview -->\n```text\nsaid of whatif --scoring proposed.yaml\n```\n"
    assert (tmp_path / "body").read_text() == said
    assert (tmp_path / "summary").read_text() == said
    assert call in (tmp_path / "calls").read_text().splitlines()[-1]


def test_postmortems_of_a_pull_request_are_named_whatever_they_are_called(tmp_path: Path) -> None:
    path = ROOT / ".github/workflows/postmortem-preview.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    (step,) = [s for s in workflow["jobs"]["preview"]["steps"] if "postmortem check" in str(s)]
    work = Repository(tmp_path / "proposed")
    for name in ("kept", "gone"):
        work.put(f"modernization/postmortems/{name}.md", "x")
    base = work.commit()
    for name in ("a b.md", "-x;$(touch y).md", "2026/deep.md"):
        work.put(f"modernization/postmortems/{name}", "x")
    work.put("modernization/postmortems/gone.md", None)
    work.put("modernization/scoring.yaml", "x")
    work.commit()
    preview = tmp_path / ".github/preview.sh"
    preview.parent.mkdir()
    preview.write_text('#!/bin/sh\nfor one; do echo "$one"; done > calls\n')
    preview.chmod(0o755)
    environment = {**ENVIRONMENT, "BASE": base}
    subprocess.run(["/bin/bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path,
                   env=environment, check=True)  # fmt: skip
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[:4] == ["postmortem", "postmortem", "check", "--score"]
    folder = "proposed/modernization/postmortems"
    assert sorted(calls[4:]) == [
        f"{folder}/-x;$(touch y).md", f"{folder}/2026/deep.md", f"{folder}/a b.md",
    ]  # fmt: skip
    assert not (tmp_path / "y").exists()
