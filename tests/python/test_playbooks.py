"""Playbooks: those that ship, their README, and what a broken one says."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from orchestration.configuration import check_configuration
from orchestration.documents import ConfigError
from orchestration.documents.playbook import BLANK, Playbook
from orchestration.documents.strict import FixClass
from orchestration.epics.playbooks import (
    Playbooks,
    filled,
    playbook_paths,
    read_playbook,
    read_playbooks,
)

MODERNIZATION = Path(__file__).parents[2] / "modernization"
SHIPPED = read_playbooks(MODERNIZATION).all
VALUES = {"service": "payments-api", "owner": "team-payments"}


def markdown(text: str, folder: Path, header: str = "") -> str:
    path = folder / "one.md"
    path.write_text(f"---\ntitle: One\nfix_classes: [config_only]\n{header}---\n{text}")
    return filled(read_playbook(path), VALUES)


def problem(text: str, folder: Path, header: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        markdown(text, folder, header)
    return str(caught.value)


@pytest.mark.parametrize("fix_class", get_args(FixClass))
@pytest.mark.parametrize("window", ["", "canary", "maintenance"])
def test_every_fix_class_has_a_playbook(fix_class: str, window: str) -> None:
    assert Playbooks(SHIPPED).of(fix_class, window)[0].header.change_windows == []


def test_a_canary_follows_the_fix_where_a_canary_is_asked_for() -> None:
    known = Playbooks(SHIPPED)
    names = [p.path.stem for p in known.of("config_only", "canary")]
    assert names == ["istio-destination-rule", "argocd-canary"]
    assert [p.path.stem for p in known.of("config_only", "maintenance")] == names[:1]
    assert [p.path.stem for p in known.of("process_automation", "canary")] == ["process-automation"]


def fences(text: str) -> list[tuple[str, str]]:
    """Language and text of each block of code."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("playbook", SHIPPED, ids=lambda p: p.path.stem)
def test_a_playbook_that_ships_can_be_followed(playbook: Playbook) -> None:
    text = filled(playbook, VALUES)
    assert "payments-api" in text
    assert not BLANK.search(text)
    assert text.count("\n- [ ] ") >= 4
    for language, code in fences(text):
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
    ((_, code),) = fences(filled(playbook, VALUES))
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
    waits = scope["waits"]
    assert list(waits(8)) == [100, 200, 400, 800, 1600, 2000, 2000]
    assert len(list(waits())) == 3


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


def test_what_a_playbook_may_say(tmp_path: Path) -> None:
    text = """\
# For {{ service }}

Two lines with `{{ owner }}`,
**bold {{ n }}** and [a link](https://x.example/a).

- one
- **two** at {{n}}

Then

- [ ] {{ service }}
- [ ] `b`

```yaml
a: {{ n }} {{ .Values.x }}
```
"""
    assert (
        markdown(text, tmp_path, "parameters: {n: 5}\n")
        == """\
**For payments-api**

Two lines with `team-payments`,
**bold 5** and [a link](https://x.example/a).

- one
- **two** at 5

Then

- [ ] payments-api
- [ ] `b`

```yaml
a: 5 {{ .Values.x }}
```"""
    )


def test_a_value_is_only_ever_text(tmp_path: Path) -> None:
    header = 'parameters: {evil: "**x** [a](https://evil.example) {{ service }}"}\n'
    text = markdown("It is {{ evil }}\n\n`{{ evil }}`", tmp_path, header)
    assert text == (
        r"It is \*\*x\*\* \[a\](https://evil.example) {{ service }}" + "\n\n"
        "`**x** [a](https://evil.example) {{ service }}`"
    )


@pytest.mark.parametrize(
    ("text", "header", "line", "said"),
    [
        ("a\n{{ sevice }}", "", 6, "{{ sevice }}: is not a parameter of this playbook"),
        ("a", "parameters:\n  n: 5\n", 5, "parameters.n: 5: is used nowhere"),
        ("{{ service }}", "parameters: {service: x}\n", 4, "service is filled in by paydown"),
        ("a", "fix_class: config_only\n", 4, "write fix_classes"),
        ("a", "change_windows: [canary, friday]\n", 4, "friday: is not one of the values"),
        ("![a](https://x.example/a.png)", "", 5, "an image can't be shown in every tracker"),
        ("[a](../runbook.md)", "", 5, "a link that is no web address"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, text: str, header: str, line: int, said: str
) -> None:
    told = problem(text, tmp_path, header)
    assert f"{tmp_path}/one.md:{line}: " in told
    assert said in told
    assert "fix: " in told


@pytest.mark.parametrize("text", ["no front matter", "---\ntitle: x\n", ""])
def test_a_file_without_front_matter_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.md"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"x\.md:1: .*front matter"):
        read_playbook(path)


def test_a_broken_playbook_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "README.md").write_text("not a playbook")
    (folder / "good.md").write_text("---\ntitle: Good\nfix_classes: [config_only]\n---\nDo it.\n")
    (folder / "bad.md").write_text("---\ntitle: Bad\nfix_classes: [config_only]\n---\n{{ x }}\n")
    checked = {file.path.name: file.problem for file in check_configuration(tmp_path)}
    assert checked["good.md"] == ""
    assert "bad.md:5: blank: {{ x }}" in checked["bad.md"]
    assert "README.md" not in checked


def test_a_changed_playbook_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    assert read_playbooks(tmp_path).all == ()
    path = tmp_path / "playbooks" / "x.md"
    path.write_text("---\ntitle: Before\nfix_classes: [config_only]\n---\nDo it.\n")
    assert playbook_paths(tmp_path) == [path]
    assert [p.header.title for p in read_playbooks(tmp_path).all] == ["Before"]
    path.write_text("---\ntitle: Afterwards\nfix_classes: [config_only]\n---\nDo it.\n")
    assert [p.header.title for p in read_playbooks(tmp_path).all] == ["Afterwards"]
