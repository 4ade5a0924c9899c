"""What the layout promises: imports go one way only, and the architecture page names real files."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

import pytest

from .flow_helpers import ROOT

PACKAGE = ROOT / "orchestration"


def module_name(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def imports() -> dict[str, set[str]]:
    """Module -> the modules and packages of `orchestration` that it imports, also in functions."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        name = module_name(str(path.relative_to(ROOT)))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("orchestration"):
                found[name] |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found[name] |= {one.name for one in node.names if one.name.startswith("orchestrat")}
    return found


def part(module: str) -> str:
    """The package or module right below `orchestration`; a source's name is no package."""
    return "" if module == "orchestration.vendors.SOURCE_NAMES" else f"{module}.".split(".")[1]


def between_packages() -> dict[str, set[str]]:
    """Package -> the other packages that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, targets in imports().items():
        found[part(module)] |= {part(target) for target in targets} - {part(module)}
    return found


def test_no_packages_import_each_other() -> None:
    try:
        TopologicalSorter(between_packages()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("http", set()),
        ("settings", set()),
        ("landing", set()),
        ("documents", set()),
        ("trackers", {"documents", "http"}),
        ("ledger", {"settings"}),
        ("loader", {"warehouse"}),
        ("vendors", {"documents", "http", "landing", "settings", "trackers"}),
    ],
)
def test_lower_packages_import_only_what_is_below(package: str, allowed: set[str]) -> None:
    assert between_packages()[package] <= allowed | {""}


def test_dagster_is_only_imported_where_it_is_defined() -> None:
    for path in PACKAGE.rglob("*.py"):
        if not {"alerts", "components", "defs"} & set(path.parts) and path.name != "definitions.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^(import|from) dagster", text, re.MULTILINE), path


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|sql|yml|yaml|md|toml))`", text)
    assert len(named) >= 20
    assert [name for name in named if not (ROOT / name).exists()] == []
    steps = re.findall(r"^\d+\. ", text, re.MULTILINE)
    assert 5 <= len(steps) <= 25
