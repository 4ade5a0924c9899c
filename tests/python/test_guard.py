"""No AI-written code without tests and a lint gate, anywhere, with git and Python alone."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from orchestration.guard import TRAILERS, is_code, is_test, settings, trailers

from .flow_helpers import ROOT
from .vendor_git import ENVIRONMENT, Remote

GUARD = ROOT / "orchestration/guard.py"
MARK = "Co-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>"


class Project(Remote):
    """A repository whose base is tagged, and changes upon it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put("app.py", "x = 1\n")
        self.put("ruff.toml", "\n")
        self.commit()
        self.git("tag", "base")

    def change(self, *names: str, mark: str = MARK) -> str:
        for name in names:
            self.put(name, f"# {mark}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change", "-m", mark or "By hand.")
        return self.git("rev-parse", "HEAD")

    def guard(self, *arguments: str) -> tuple[int, str]:
        """The file by itself, without anything installed."""
        command = [sys.executable, "-I", str(GUARD), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def test_code_of_a_tool_without_a_test_is_refused(project: Project) -> None:
    sha = project.change("app.py", "README.md")
    code, said = project.guard("--base", "base")
    assert code == 1
    assert f"{sha[:10]} ({MARK}) changes app.py and no test; add or change one" in said
    project.change("tests/app.py", mark="")
    assert project.guard("--base", "base") == (0, "")


@pytest.mark.parametrize(
    ("names", "mark"),
    [(["app.py"], ""), (["README.md", "a.yaml"], MARK), (["app_test.go", "x.go"], MARK)],
)
def test_what_people_wrote_and_what_is_no_code_passes(
    project: Project, names: list[str], mark: str
) -> None:
    project.change(*names, mark=mark)
    assert project.guard("--base", "base") == (0, "")


def test_a_label_marks_every_commit(project: Project) -> None:
    project.change("app.py", mark="")
    assert project.guard("--base", "base", "--label", "bug")[0] == 0
    code, said = project.guard("--base", "base", "--label", "ai-generated")
    assert code == 1
    assert "(label ai-generated) changes app.py" in said


def test_a_repository_without_a_linter_has_to_name_one(project: Project) -> None:
    project.git("rm", "-q", "ruff.toml")
    project.change("app.py", "test_app.py")
    code, said = project.guard("--base", "base")
    assert (code, "no lint gate is known here" in said) == (1, True)
    # A change can't bring the settings that judge it.
    project.put(".paydown-guard.json", json.dumps({"lint": "true"}))
    project.commit()
    assert project.guard("--base", "base")[0] == 1
    project.git("tag", "-f", "base")
    project.change("b.py", "test_b.py")
    assert project.guard("--base", "base") == (0, "")
    project.put(".paydown-guard.json", json.dumps({"lint": "exit 3"}))
    project.commit()
    project.git("tag", "-f", "base")
    project.change("c.py", "test_app.py", "test_c.py")
    code, said = project.guard("--base", "base")
    assert (code, "the lint gate `exit 3` fails" in said) == (1, True)


def test_the_hook_judges_what_is_staged(project: Project, tmp_path: Path) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text(f"Change\n\n{MARK}\n# a comment\n")
    project.put("app.py", "x = 2\n")
    project.git("add", "-A")
    code, said = project.guard(str(message))
    assert (code, "this commit" in said) == (1, True)
    project.put("test_app.py", "x\n")
    project.git("add", "-A")
    assert project.guard(str(message)) == (0, "")


def test_records_are_those_of_the_stream_of_commits(project: Project, tmp_path: Path) -> None:
    first, second = project.change("app.py"), project.change("test_app.py", mark="")
    path = tmp_path / "guard.ndjson"
    project.guard("--base", "base", "--records", str(path), "--repository", "org/shop")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["repository"], r["sha"], r["tests_changed"], r["trailers"]) for r in rows] == [
        ("org/shop", first, False, [MARK]),
        ("org/shop", second, True, []),
    ]
    source = yaml.safe_load((ROOT / "models/staging/commits/_commits__sources.yml").read_text())
    columns = {one["name"] for one in source["sources"][0]["tables"][0]["columns"]}
    assert columns == {*rows[0]}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ('{"lints": ""}', "lints: is not a known key; known are trailers"),
        ('{"lint": []}', "lint: is no text"),
    ],
)
def test_wrong_settings_are_reported(project: Project, config: str, message: str) -> None:
    project.put(".paydown-guard.json", config)
    project.commit()
    code, said = project.guard("--base", "HEAD")
    assert (code, message in said) == (2, True)
    assert project.guard("--base", "nowhere")[0] == 2


def test_tools_are_those_that_score() -> None:
    with (ROOT / "seeds/ai_commit_trailers.csv").open(newline="") as file:
        seed = [row["trailer_pattern"] for row in csv.DictReader(file)]
    assert [one.replace("[[]", "[").replace("*", "%") for one in TRAILERS] == seed


def test_words_of_a_message_are_no_trailers_and_paths_are_distinguished() -> None:
    assert trailers("Fix: this\n\nNote: x\nGenerated-by: y\n#c: d\nhttp://a") == [
        "Note: x",
        "Generated-by: y",
    ]
    said = settings(Path(os.devnull).parent, "")
    for path in ("tests/a.py", "a/test_b.py", "b_test.go", "src/__tests__/a.ts", "ATest.java"):
        assert is_test(path, said)
        assert not is_code(path, said)
    for path in ("a.py", "src/latest.go", "x/contest.rs"):
        assert is_code(path, said)


def test_the_command_is_the_same(project: Project) -> None:
    project.change("app.py")
    command = [str(ROOT / ".venv/bin/paydown"), "guard", "--base", "base"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    assert (done.returncode, "changes app.py and no test" in done.stdout) == (1, True)
