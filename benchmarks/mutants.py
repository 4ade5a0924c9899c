"""How many small faults the tests notice: seeded mutants of Python and SQL, one at a time.

    .venv/bin/python benchmarks/mutants.py --python 30 --sql 30 --seed 1

Works on a copy of the checkout. For Python it runs the test files that import the module, or else
its package; those that need a run of the demo only where there are no others. For a model it runs
its unit tests, a build of it and all that depends on it over the demo's warehouse with their data
tests, and the test files that run it. What nothing notices within the time counts as survived.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BINARIES = Path(sys.executable).parent
NOT_COPIED = (".git", ".venv*", ".uv", ".paydown", "__pycache__", ".ruff_cache", "*.pyc")
AS_OF = "2026-06-26 16:00:00"
SECONDS = 900

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
# What is left of SQL without comments and Jinja: pattern and replacement.
SQL_CHANGES = (
    (r"(?<= )<(?= )", "<="),
    (r"(?<= )<=(?= )", "<"),
    (r"(?<= )>(?= )", ">="),
    (r"(?<= )>=(?= )", ">"),
    (r"(?<= )=(?= )", "<>"),
    (r"\binner join\b", "left join"),
    (r"\bleft join\b", "inner join"),
    (r"\band\b(?! [0-9'])", "or"),
    (r"\bor\b", "and"),
    (r"\bdesc\b", "asc"),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bsum\(", "max("),
    (r"\bis not null\b", "is null"),
    (r"(?<=[ (])\d+(?=[ ,)\n])", None),
    (r"\bcoalesce\(", None),
)
SQL_HIDDEN = re.compile(r"--[^\n]*|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|'[^']*'", re.DOTALL)


@dataclass(frozen=True)
class Mutant:
    """A file of the checkout, and what to replace between two offsets."""

    file: str
    start: int
    end: int
    text: str

    def __str__(self) -> str:
        before = (ROOT / self.file).read_text(encoding="utf-8")
        line = before.count("\n", 0, self.start) + 1
        was = " ".join(before[self.start : self.end].split())
        return f"{self.file}:{line}: {was[:60]!r} -> {self.text[:60]!r}"


def python_mutants(file: Path) -> Iterator[Mutant]:
    """Flipped comparisons, and/or swapped, numbers one up, truths turned, statements removed."""
    source = file.read_text(encoding="utf-8")
    name = str(file.relative_to(ROOT))
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def at(line: int, column: int) -> int:
        text = source[starts[line - 1] : starts[line]].encode()
        return starts[line - 1] + len(text[:column].decode())

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return at(node.lineno, node.col_offset), at(*end)

    def between(left: ast.expr, right: ast.expr, word: str, other: str) -> Iterator[Mutant]:
        first, last = span(left)[1], span(right)[0]
        if match := re.search(rf"(?<![\w<>=!]){word}(?![\w<>=!])", source[first:last]):
            yield Mutant(name, first + match.start(), first + match.end(), other)

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield from between(left, right, *COMPARISONS[type(op)])
            case ast.BoolOp(op=op, values=[left, right, *_]):
                words = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                yield from between(left, right, *words)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield Mutant(name, *span(node), f"bool({ast.unparse(operand)})")
            case ast.Constant(value=bool() as value):
                yield Mutant(name, *span(node), str(not value))
            case ast.Constant(value=int() as value):
                yield Mutant(name, *span(node), str(value + 1))
            case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Continue():
                yield Mutant(name, *span(node), "pass")


def sql_mutants(file: Path) -> Iterator[Mutant]:
    """Comparisons, joins, and/or, order, aggregates, null tests, numbers, coalesce."""
    source = file.read_text(encoding="utf-8")
    plain = SQL_HIDDEN.sub(lambda match: "\0" * len(match[0]), source)
    for pattern, replacement in SQL_CHANGES:
        for match in re.finditer(pattern, plain):
            start, end = match.span()
            text = replacement
            if text is None and match[0].isdigit():
                text = str(int(match[0]) + 1)
            elif text is None:
                end, text = _without_coalesce(plain, source, match.end())
            yield Mutant(str(file.relative_to(ROOT)), start, end, text)


def _without_coalesce(plain: str, source: str, inside: int) -> tuple[int, str]:
    """The end of the call whose arguments begin at `inside`, and its first argument."""
    depth, comma = 1, 0
    for place in range(inside, len(plain)):
        depth += (plain[place] == "(") - (plain[place] == ")")
        if plain[place] == "," and depth == 1 and not comma:
            comma = place
        if depth == 0:
            return place + 1, source[inside : comma or place]
    return inside, source[inside - len("coalesce(") : inside]


def test_texts() -> dict[str, str]:
    """Test file -> its text with that of the helper modules that it imports."""
    folder = ROOT / "tests" / "python"
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    return {
        f"tests/python/{name}.py": "\n".join(
            texts[used]
            for used in dict.fromkeys((name, *re.findall(r"^from \.(\w+) import", text, re.M)))
        )
        for name, text in texts.items()
        if name.startswith("test_")
    }


def tests_of(mutant: Mutant, texts: dict[str, str]) -> list[str]:
    """The test files that belong to the mutant's module or model, its own first."""
    quick = {f: t for f, t in texts.items() if not re.search(r"\b(demo|demo_copy|site): ?\w", t)}
    if mutant.file.endswith(".sql"):
        model = Path(mutant.file).stem
        return [f for f, text in quick.items() if "compiled_models" in text and model in text]
    module = mutant.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    while module != "orchestration":
        own = re.compile(rf"\b{re.escape(module)}\b")
        for some in (quick, texts):
            if found := [file for file, text in some.items() if own.search(text)]:
                return sorted(found, key=lambda file: module.rpartition(".")[2] not in file)
        module = module.rpartition(".")[0]
    return ["tests/python/test_flow_demo.py"]


class Checkout:
    """A copy of the checkout in which mutants live, with the demo run once."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "paydown", folder / "home"
        shutil.copytree(ROOT, self.root, ignore=shutil.ignore_patterns(*NOT_COPIED))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PAYDOWN_", "DBT_"))}
        self.environment = kept | {
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PAYDOWN_HOME": str(self.home),
            "PAYDOWN_WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_PROFILES_DIR": str(self.root / "profiles"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }

    def passes(self, *command: str, seconds: float = SECONDS) -> bool:
        """Whether the command succeeds; also if it doesn't end in time."""
        try:
            done = subprocess.run(
                [str(BINARIES / command[0]), *command[1:]],
                cwd=self.root, env=self.environment, capture_output=True, timeout=seconds,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return True
        return done.returncode in (0, 5)  # pytest's 5: nothing was selected

    def notices(self, mutant: Mutant, tests: list[str]) -> bool:
        """Whether a test fails with the mutant in place."""
        path = self.root / mutant.file
        before = path.read_text(encoding="utf-8")
        mutated = before[: mutant.start] + mutant.text + before[mutant.end :]
        path.write_text(mutated, encoding="utf-8")
        try:
            if mutant.file.endswith(".sql") and not self._dbt_passes(Path(mutant.file).stem):
                return True
            options = ("-x", "-q", "-p", "no:cacheprovider", "--timeout", "100")
            return bool(tests) and not self.passes("pytest", *options, *tests)
        finally:
            path.write_text(before, encoding="utf-8")

    def _dbt_passes(self, model: str) -> bool:
        shutil.copyfile(self.home / "warehouse.duckdb", self.environment["PAYDOWN_WAREHOUSE"])
        options = ("--quiet", "--vars", f'{{as_of: "{AS_OF}", single_use: view}}')
        return self.passes(
            "dbt", "test", "--select", f"{model},test_type:unit", *options
        ) and self.passes(
            "dbt", "build", "--select", f"{model}+", "--exclude", "test_type:unit", *options
        )  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=int, default=100, help="how many mutants of Python")
    parser.add_argument("--sql", type=int, default=100, help="how many mutants of SQL")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311
    code, models = sorted(ROOT.glob("orchestration/**/*.py")), sorted(ROOT.glob("models/**/*.sql"))
    python = [mutant for file in code for mutant in python_mutants(file)]
    sql = [mutant for file in models for mutant in sql_mutants(file)]
    chosen = {
        "Python": chance.sample(python, options.python),
        "SQL": chance.sample(sql, options.sql),
    }
    texts = test_texts()
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder))
        if options.sql:
            checkout.passes("paydown", "run", seconds=3 * SECONDS)
        for language, mutants in chosen.items():
            caught = 0
            for mutant in mutants:
                is_caught = checkout.notices(mutant, tests_of(mutant, texts))
                caught += is_caught
                print("caught  " if is_caught else "survived", mutant, flush=True)
            print(f"{language}: {caught} of {len(mutants)} caught", flush=True)


if __name__ == "__main__":
    main()
