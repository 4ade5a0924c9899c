"""Playbooks: those that ship, their README, and what a broken one says."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from orchestration.configuration import check_configuration
from orchestration.documents.playbook import BLANK, Playbook
from orchestration.documents.strict import FixClass
from orchestration.epics.playbooks import Playbooks, filled, read_playbook, read_playbooks

MODERNIZATION = Path(__file__).parents[2] / "modernization"
SHIPPED = read_playbooks(MODERNIZATION).all
VALUES = {"service": "payments-api", "owner": "team-payments"}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(folder: Path, text: str, header: str = "") -> Path:
    """A playbook of a folder `modernization`."""
    path = folder / "playbooks" / "one.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"---\ntitle: One\nfix_classes: [config_only]\n{header}---\n{text}")
    return path


@pytest.mark.parametrize("fix_class", get_args(FixClass))
@pytest.mark.parametrize("window", ["", "canary", "maintenance"])
def test_every_fix_class_has_a_playbook_and_a_canary_follows_the_fix(
    fix_class: str, window: str
) -> None:
    found = Playbooks(SHIPPED).of(fix_class, window)
    assert found[0].header.change_windows == []
    alone = ("process_automation", "ai_code_cleanup")
    follows = window == "canary" and fix_class not in alone
    assert [p.path.stem for p in found[1:]] == (["argocd-canary"] if follows else [])


@pytest.mark.parametrize("playbook", SHIPPED, ids=lambda p: p.path.stem)
def test_a_playbook_that_ships_can_be_followed(playbook: Playbook) -> None:
    text = filled(playbook, VALUES)
    assert "payments-api" in text
    assert not BLANK.search(text)
    assert text.count("\n- [ ] ") >= 4
    for language, code in FENCE.findall(text):
        if language == "yaml":
            assert all(isinstance(part, dict) for part in yaml.safe_load_all(code))
        elif language == "python":
            ast.parse(code)
        else:
            assert language == "hcl"
            assert code.count("{") == code.count("}")
            assert code.count('"') % 2 == 0


def code_of(name: str) -> str:
    (playbook,) = (p for p in SHIPPED if p.path.stem == name)
    ((_, code),) = FENCE.findall(filled(playbook, VALUES))
    return code


def test_the_mesh_playbook_agrees_with_itself() -> None:
    rule, route = yaml.safe_load_all(code_of("istio-destination-rule"))
    assert rule["spec"]["host"] == route["spec"]["hosts"][0]
    assert rule["spec"]["trafficPolicy"].keys() == {"connectionPool", "outlierDetection"}
    http = route["spec"]["http"][0]
    tries = 1 + http["retries"]["attempts"]
    assert int(http["timeout"][:-2]) >= tries * int(http["retries"]["perTryTimeout"][:-2])


def test_the_retries_wait_ever_longer_up_to_two_seconds() -> None:
    scope: dict[str, Any] = {}
    most = type("random", (), {"uniform": staticmethod(lambda _low, high: high)})
    exec(code_of("retry-backoff"), {"random": most}, scope)  # noqa: S102  # Our own file, and all there is to it.
    assert list(scope["waits"](8)) == [100, 200, 400, 800, 1600, 2000, 2000]
    assert len(list(scope["waits"]())) == 3


def test_the_canary_reaches_everybody_after_48_hours() -> None:
    steps = yaml.safe_load(code_of("argocd-canary"))["strategy"]["canary"]["steps"]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [10, 50, 100]
    pauses = [step["pause"]["duration"] for step in steps if "pause" in step]
    assert sum(int(pause.removesuffix("h")) for pause in pauses) == 48


def test_the_readme_lists_what_ships() -> None:
    text = (MODERNIZATION / "playbooks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([\w-]+)\]\(([\w.-]+)\) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    listed = {
        file: (name, re.findall(r"`(\w+)`", classes), re.findall(r"`(\w+)`", windows))
        for name, file, classes, windows in rows
    }
    assert listed == {
        p.path.name: (p.path.stem, p.header.fix_classes, p.header.change_windows) for p in SHIPPED
    }


@pytest.mark.parametrize(
    ("header", "text", "shown"),
    [
        ("parameters: {n: 5}\n", "# For {{ service }}", "**For payments-api**"),
        ("parameters: {n: 5}\n", "`{{ owner }}`,\n**bold {{n}}**", "`team-payments`,\n**bold 5**"),
        ("", "[a link](https://x.example/a)", "[a link](https://x.example/a)"),
        ("", "- one\n- **two** at {{ owner }}", "- one\n- **two** at team-payments"),
        ("", "- [ ] {{ service }}\n- [ ] `b`", "- [ ] payments-api\n- [ ] `b`"),
        ("", "```yaml\na: {{ owner }} {{ .Values.x }}\n```",
         "```yaml\na: team-payments {{ .Values.x }}\n```"),
        # A value is only ever text.
        ('parameters: {evil: "**x** [a](https://evil.example) {{ service }}"}\n',
         "It is {{ evil }}\n\n`{{ evil }}`",
         r"It is \*\*x\*\* \[a\](https://evil.example) {{ service }}" + "\n\n"
         "`**x** [a](https://evil.example) {{ service }}`"),
    ],
)  # fmt: skip
def test_what_a_playbook_may_say(tmp_path: Path, header: str, text: str, shown: str) -> None:
    used = "{{ n }}" if "n: 5" in header and "{{n}}" not in text else ""
    path = write(tmp_path, f"{text}\n\n{used}", header)
    assert filled(read_playbook(path), VALUES) == f"{shown}\n\n{'5' if used else ''}".strip()


@pytest.mark.parametrize(
    ("text", "header", "line", "words"),
    [
        ("a\n{{ sevice }}", "", 6, "{{ sevice }}: is not a parameter of this playbook"),
        ("a", "parameters:\n  n: 5\n", 5, "parameters.n: 5: is used nowhere"),
        ("{{ service }}", "parameters: {service: x}\n", 4, "service is filled in by paydown"),
        ("a", "fix_class: config_only\n", 4, "write fix_classes"),
        ("a", "change_windows: [canary, friday]\n", 4, "friday: is not one of the values"),
        ("![a](https://x.example/a.png)", "", 5, "an image can't be shown in every tracker"),
        ("[a](../runbook.md)", "", 5, "a link that is not a web address"),
        (None, "no front matter", 1, "front matter"),
        (None, "---\ntitle: x\n", 1, "front matter"),
        (None, "", 1, "front matter"),
    ],
)
def test_a_mistake_is_named_with_its_line_before_a_run_begins(
    tmp_path: Path, text: str | None, header: str, line: int, words: str
) -> None:
    path = write(tmp_path, text or "", header)
    if text is None:
        path.write_text(header)
    path.with_name("README.md").write_text("not a playbook")
    (problem,) = [f.problem for f in check_configuration(tmp_path) if f.path.parent == path.parent]
    assert f"{path}:{line}: " in problem
    assert words in problem
    assert "fix: " in problem or text is None


def test_a_changed_playbook_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    assert read_playbooks(tmp_path).all == ()
    path = write(tmp_path, "Do it.")
    assert [p.header.title for p in read_playbooks(tmp_path).all] == ["One"]
    path.write_text(path.read_text().replace("One", "Two"))
    assert [p.header.title for p in read_playbooks(tmp_path).all] == ["Two"]
