"""Writes `tests/samples/landing`, the exports that the demo and the tests use.

python tests/samples/generate.py            # write them again
python tests/samples/generate.py --check    # only compare: exit 1 where they differ
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from generator.files import decoded
from generator.landing import build_landing

LANDING = Path(__file__).with_name("landing")


def differences(folder: Path, files: dict[str, bytes]) -> list[str]:
    """What sets the folder apart from a fresh generation, by content and not by compressor."""
    found = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    problems = [f"missing: {name}" for name in files if name not in found]
    problems += [f"not generated: {name}" for name in sorted(found) if name not in files]
    for name, content in files.items():
        if name in found:
            committed = found[name].read_bytes()
            if committed != content and decoded(name, committed) != decoded(name, content):
                problems.append(f"differs: {name}")
    return problems


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Replace the folder's content."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with what is there, write nothing"
    )
    parser.add_argument(
        "--out", type=Path, default=LANDING, help="landing folder (default: beside this file)"
    )
    options = parser.parse_args()
    files = build_landing()
    if options.check:
        problems = differences(options.out, files)
        print("\n".join(problems) or f"{options.out}: {len(files)} files as generated")
        return 1 if problems else 0
    write(options.out, files)
    print(f"{options.out}: {len(files)} files, {sum(map(len, files.values())):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
