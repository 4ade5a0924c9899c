#!/usr/bin/env python3
"""`paydown guard`: no AI-written code without tests and a lint gate, in any Git repository.

Needs only git and Python 3.9, so that any repository can run this file by itself. Its findings
about each commit can be written as records of the stream `commits`, which score `ai_risk`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

CONFIG = ".paydown-guard.json"
# What a commit's trailers say where an AI tool wrote it or helped; * stands for anything. Those of
# seeds/ai_commit_trailers.csv.
TRAILERS = [
    "assisted-by:*",
    "ai-assisted-by:*",
    "generated-by:*",
    "co-authored-by:*<noreply@anthropic.com>*",
    "co-authored-by:*copilot*@users.noreply.github.com>*",
    "co-authored-by:*<copilot@github.com>*",
    "co-authored-by:*<cursoragent@cursor.com>*",
    "co-authored-by:*<noreply@aider.chat>*",
    "co-authored-by:*devin-ai-integration[[]bot]*",
    "co-authored-by:*gemini-code-assist[[]bot]*",
    "co-authored-by:*google-labs-jules[[]bot]*",
    "co-authored-by:*<noreply@openai.com>*",
]
# fmt: off
DEFAULTS = {
    "trailers": TRAILERS,
    "labels": ["ai-generated", "ai-assisted"],
    "code": [
        "*.py", "*.js", "*.jsx", "*.ts", "*.tsx", "*.mjs", "*.go", "*.rs", "*.java", "*.kt",
        "*.kts", "*.scala", "*.c", "*.cc", "*.cpp", "*.h", "*.hpp", "*.cs", "*.rb", "*.php",
        "*.swift", "*.sh", "*.bash", "*.sql", "*.tf", "*.lua", "*.ex", "*.exs", "*.clj", "*.dart",
    ],
    "tests": [
        "test/*", "tests/*", "*/test/*", "*/tests/*", "*/__tests__/*", "spec/*", "*/spec/*",
        "test_*", "*/test_*", "*_test.*", "*.test.*", "*.spec.*", "*_spec.*", "*Test.*", "*Tests.*",
    ],
    "lint": "",
    "lint_files": [
        "ruff.toml", ".ruff.toml", "pyproject.toml:[tool.ruff", "pyproject.toml:[tool.pylint",
        ".flake8", "setup.cfg:[flake8]", ".pylintrc", ".pre-commit-config.yaml", "eslint.config.*",
        ".eslintrc*", "biome.json*", ".golangci.*", "clippy.toml", ".rubocop.yml", ".sqlfluff",
        "checkstyle.xml", "detekt.yml", ".clang-tidy", ".swiftlint.yml", "phpcs.xml*",
        ".tflint.hcl",
    ],
}
# fmt: on
_TRAILER = re.compile(r"^[A-Za-z][A-Za-z0-9-]*: .+")


class GuardError(Exception):
    """Git or the settings can't be used; the message names the problem and the fix."""


def git(*arguments: str) -> str:
    """What git prints."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise GuardError("there is no git on the PATH; install it") from None
    if done.returncode:
        error = done.stderr.decode(errors="replace").strip()
        raise GuardError(f"git {arguments[0]}: {error}; fetch the whole history, or correct --base")
    return done.stdout.decode(errors="replace")


def settings(root: Path, base: str) -> dict:
    """The defaults under `.paydown-guard.json` of the base: no change can loosen its own check."""
    path = root / CONFIG
    if not base:
        text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    else:
        text = git("show", f"{base}:{CONFIG}") if git("ls-tree", base, "--", CONFIG) else "{}"
    try:
        stated = json.loads(text)
    except ValueError as error:
        raise GuardError(f"{path}: is not JSON: {error}; correct it") from None
    if not isinstance(stated, dict):
        raise GuardError(f"{path}: is not an object; write {{...}}")
    for key, value in stated.items():
        if key not in DEFAULTS:
            raise GuardError(f"{path}: {key}: is not a known key; known are {', '.join(DEFAULTS)}")
        is_text = isinstance(DEFAULTS[key], str)
        if not isinstance(value, str if is_text else list):
            raise GuardError(f"{path}: {key}: is no {'text' if is_text else 'list'}; make it one")
    return {**DEFAULTS, **stated}


def matches(value: str, patterns: list) -> bool:
    """Whether a path, trailer or label matches one of the patterns."""
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def is_test(path: str, config: dict) -> bool:
    return matches(path, config["tests"])


def is_code(path: str, config: dict) -> bool:
    return not is_test(path, config) and matches(path.rsplit("/", 1)[-1], config["code"])


def commits(base: str, head: str) -> list:
    """The commits in head but not in base, oldest first: sha, time, trailers, paths."""
    found = []
    for sha in git("rev-list", "--reverse", "--no-merges", f"{base}..{head}", "--").split():
        at, _, body = git("show", "-s", "--format=%aI%n%B", sha).partition("\n")
        listed = git("show", "--format=", "--name-only", "-z", "--no-renames", sha).split("\0")
        paths = [path.strip("\n") for path in listed if path.strip("\n")]
        found.append({"sha": sha, "authored_at": at, "trailers": trailers(body), "paths": paths})
    return found


def trailers(message: str) -> list:
    """The trailer lines of a message, wherever tools put them."""
    lines = [line.strip() for line in message.splitlines() if not line.startswith("#")]
    return [line for line in lines[1:] if _TRAILER.match(line)]


def has_lint(root: Path, config: dict) -> bool:
    """Whether the repository has settings of a linter."""
    for entry in config["lint_files"]:
        pattern, _, text = entry.partition(":")
        for path in root.glob(pattern):
            if not text or text in path.read_text(encoding="utf-8", errors="replace"):
                return True
    return False


def judge(root: Path, changes: list, labels: list, config: dict) -> list:
    """What is wrong, one line per problem; nothing if no AI tool wrote code."""
    by_label = next((label for label in labels if label in config["labels"]), "")
    written = []
    for change in changes:
        marks = [t for t in change["trailers"] if matches(t.lower(), config["trailers"])]
        code = [path for path in change["paths"] if is_code(path, config)]
        if code and (marks or by_label):
            written.append((change["sha"], marks[0] if marks else f"label {by_label}", code))
    if not written:
        return []
    problems = []
    if not any(is_test(path, config) for change in changes for path in change["paths"]):
        for sha, mark, code in written:
            more = f" and {len(code) - 3} more" if len(code) > 3 else ""
            problems.append(f"{sha[:10] or 'this commit'} ({mark}) changes {', '.join(code[:3])}"
                            f"{more} and no test; add or change one that covers it")  # fmt: skip
    if config["lint"]:
        done = subprocess.run(config["lint"], shell=True, cwd=root, check=False)  # noqa: S602
        if done.returncode:
            problems.append(f"the lint gate `{config['lint']}` fails; fix what it reports")
    elif not has_lint(root, config):
        problems.append(f"no lint gate is known here; write its command as lint in {CONFIG}")
    return problems


def main(arguments: list) -> int:
    """Exits with 1 if the change may not be merged, with 2 if it can't be judged."""
    parser = argparse.ArgumentParser(prog="paydown guard", description=__doc__)
    parser.add_argument(
        "message", nargs="?", help="file of a commit's message, as git's hook gives it"
    )
    parser.add_argument(
        "--base", default="", help="judge the commits since this one, such as origin/main"
    )
    parser.add_argument("--head", default="HEAD")
    parser.add_argument("--label", action="append", default=[], help="label of the pull request")
    parser.add_argument(
        "--records", help="write one record per commit to this file, for landing/commits/"
    )
    parser.add_argument(
        "--repository", default="", help="its name in the records, such as org/payments"
    )
    given = parser.parse_args(arguments)
    try:
        root = Path(git("rev-parse", "--show-toplevel").strip())
        config = settings(root, given.base)
        if given.message:
            text = Path(given.message).read_text(encoding="utf-8", errors="replace")
            staged = git("diff", "--cached", "--name-only", "-z", "--no-renames").split("\0")
            paths = [path for path in staged if path]
            changes = [{"sha": "", "trailers": trailers(text), "paths": paths}]
        elif given.base:
            changes = commits(given.base, given.head)
        else:
            parser.error("give --base, or the file of a commit's message")
        problems = judge(root, changes, given.label, config)
        if given.records:
            name = given.repository or root.name
            with Path(given.records).open("w", encoding="utf-8") as file:
                for change in changes:
                    tested = any(is_test(path, config) for path in change["paths"])
                    row = {"repository": name, "sha": change["sha"], "tests_changed": tested,
                           "authored_at": change.get("authored_at"),
                           "trailers": change["trailers"]}  # fmt: skip
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except (GuardError, OSError) as error:
        print(f"paydown guard: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"paydown guard: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
