"""Many damaged inputs: each is loaded, quarantined or rejected, none is lost, nothing raises.

    .venv/bin/python benchmarks/damage.py --count 10000 --seed 1 [--run]

Files of tests/samples, cut to some records, are damaged at random (seeded): bytes, lines, keys,
values, dates, encodings, packing, names and folders. They are loaded in batches, each twice. With
`--run`, `paydown run` then goes over the demo, over the demo with a tenth of all its files damaged,
and over the demo again, and no epic may be closed for it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from orchestration.configuration import READERS
from orchestration.dbt_project import parse_into
from orchestration.loader import contracts_from_manifest, load_landing
from orchestration.loader.unread import unread_files
from orchestration.warehouse import FileWarehouse

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "samples" / "landing"
BATCH = 250
RECORDS = 12
ODD = [
    b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud83d", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",",
    b";", b"\n", b"\r", b"\t", b"&a", b"*a", b"<<: ", b"!!python/object ", b"{{ x }}", b"---\n",
    b"null", b"NaN", b"1e999", b"-1", b"9" * 40, "é\u2028\u202e".encode(), b"%", b"A" * 5000,
]  # fmt: skip
VALUES = [
    b"null", b"[]", b"{}", b'""', b'"?"', b"0", b"-7", b"1e400", b"true", b'[{"a": [1, {}]}]',
    b'"2026-02-30T00:00:00Z"', b'"13/13/2026"', b'"1900-01-01"', b'"Geschlossen"', b'"; drop x"',
]  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "cp1252", "utf-8-sig", "utf-7", "cp500")
ENDINGS = (
    ".json",
    ".ndjson",
    ".csv",
    ".jsonl",
    ".parquet",
    ".yaml",
    ".md",
    ".json.gz",
    ".xlsx",
    "",
)

# Of the source that the samples have no file of.
OTHERS = {
    "terraform/shop/modules.json": b"""{"Modules":[
{"Key":"","Source":"","Dir":"."},
{"Key":"timeouts","Source":"modules.example.com/acme/timeouts/aws","Version":"1.4.0","Dir":"t"}
]}""",
}
Chance = random.Random
Damage = Callable[[bytes, Chance], bytes]


def _place(content: bytes, chance: Chance) -> int:
    return chance.randrange(len(content) + 1)


def insert(content: bytes, chance: Chance) -> bytes:
    at = _place(content, chance)
    return content[:at] + chance.choice(ODD) + content[at:]


def remove(content: bytes, chance: Chance) -> bytes:
    at = _place(content, chance)
    return content[:at] + content[at + chance.choice((1, 3, 40, 400)) :]


def flip(content: bytes, chance: Chance) -> bytes:
    at = _place(content, chance)
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def cut(content: bytes, chance: Chance) -> bytes:
    return content[: _place(content, chance)]


def lines(content: bytes, chance: Chance) -> bytes:
    """Some lines twice, gone, or in another order."""
    rows = content.splitlines(keepends=True)
    at = chance.randrange(len(rows) + 1)
    if chance.random() < 0.3:
        chance.shuffle(rows)
    return b"".join(rows[: at + 1] + rows[at:] if chance.random() < 0.5 else rows[:at])


def rename(content: bytes, chance: Chance) -> bytes:
    """A word, wherever it stands: a key, a column, a heading, a status."""
    words = re.findall(rb"[A-Za-z_]{3,}", content) or [b"x"]
    other = chance.choice((b"Status", b"zustand", b"id", b"", b"key.with.dots", b"x" * 200))
    return content.replace(chance.choice(words), other)


def value(content: bytes, chance: Chance) -> bytes:
    """What stands behind a colon or a comma."""
    places = [match.span(1) for match in re.finditer(rb'[:,]\s*("[^"\n]*"|[\w./-]+)', content)]
    if not places:
        return insert(content, chance)
    begin, end = chance.choice(places)
    return content[:begin] + chance.choice(VALUES) + content[end:]


def dates(content: bytes, chance: Chance) -> bytes:
    form = chance.choice((rb"\3/\2/\1", rb"\2/\3/\1", rb"\1\2\3", rb"\3.\2.\1", rb"0\1-\2-\3"))
    return re.sub(rb"(20\d\d)-(\d\d)-(\d\d)", form, content)


def encode(content: bytes, chance: Chance) -> bytes:
    text = content.decode(errors="replace") + "é"
    return text.encode(chance.choice(ENCODINGS), errors="replace")


def repeat(content: bytes, chance: Chance) -> bytes:
    return content * chance.choice((2, 3))


DAMAGES: Sequence[Damage] = (
    insert, insert, remove, flip, cut, lines, rename, rename, value, value, dates, encode, repeat,
)  # fmt: skip


def seeds() -> list[tuple[str, bytes]]:
    """Name below the landing folder and content of each sample, a few records each."""
    found = list(OTHERS.items())
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file():
            name, content = str(path.relative_to(SAMPLES)), path.read_bytes()
            if name.endswith(".gz"):
                name, content = name.removesuffix(".gz"), gzip.decompress(content)
            if not name.endswith((".parquet", ".zst")):
                content = _few(content, name)
            found.append((name, content))
    return found


def _few(content: bytes, name: str) -> bytes:
    if not name.endswith(".json"):
        return b"".join(
            content.splitlines(keepends=True)[: 60 if name.endswith(".md") else RECORDS]
        )
    data = json.loads(content)
    key = next(iter(data)) if isinstance(data, dict) else None
    records = (data[key] if key else data)[:RECORDS]
    return json.dumps({key: records} if key else records, ensure_ascii=False, indent=1).encode()


def write(landing: Path, number: int, seed: tuple[str, bytes], chance: Chance) -> Path:
    """Put a damaged file there, now and then packed, renamed or in another's folder."""
    name, content = seed
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        content = chance.choice(DAMAGES)(content, chance)
    path = Path(name)
    ending = chance.choice(ENDINGS) if chance.random() < 0.05 else path.suffix
    if chance.random() < 0.05:
        content, ending = gzip.compress(content, mtime=0), ending + ".gz"
        content = cut(content, chance) if chance.random() < 0.3 else content
    folder = Path(chance.choice(seeds())[0]).parent if chance.random() < 0.03 else path.parent
    target = landing / folder / f"{path.stem}-{number}{ending}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def check_batch(home: Path, numbers: Sequence[int], seed: int, contracts: Sequence) -> Counter[str]:
    """Load these inputs twice, and count what became of the files.

    Raises:
        AssertionError: a file that is neither loaded nor told, or a record that is lost.
    """
    roots = {name: home / name for name in ("landing", "modernization", "epics", "ledger")}
    for root in roots.values():
        root.mkdir(parents=True)
    samples, files = seeds(), []
    for number in numbers:
        chance = random.Random(f"{seed} {number}")  # noqa: S311
        files.append(write(roots["landing"], number, chance.choice(samples), chance))
    warehouse = FileWarehouse(home / "warehouse.duckdb", home / "dlt")
    reports = [load_landing(contracts, roots, warehouse, READERS) for _ in range(2)]
    assert not any(report.unaccounted for report in reports), reports[0].unaccounted
    reported = {problem.file for problem in reports[0].rejected}
    assert reported == {problem.file for problem in reports[1].rejected}, (
        "what is told once is told again"
    )
    assert reports[1].files_loaded == 0, "nothing is loaded twice"
    unread = {one.file for one in unread_files(contracts, roots["landing"])}
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.execute(
            "select file, max(records) filter (where not list_contains($parts, source || '.' || "
            "stream)), max(rows_loaded), max(rows_quarantined), bool_or(problem <> '') "
            "from raw.loads where status = 'loaded' group by file",
            {"parts": [contract.name for contract in contracts if contract.each]},
        ).fetchall()
        unnamed = con.execute("select count(*) from raw.quarantine where reason is null").fetchall()
    assert unnamed == [(0,)]
    loaded, became = {file: rest for file, *rest in rows}, Counter()
    contents = {file.read_bytes() for file in files if _name(file, roots) in loaded}
    for file in files:
        name = _name(file, roots)
        if name in loaded:
            records, good, bad, noted = loaded[name]
            became["loaded whole" if not bad else "loaded in part" if good else "quarantined"] += 1
            is_lines = file.suffix in (".ndjson", ".jsonl") and "backstage" not in name
            if is_lines and records is not None:
                _check_lines(file, records)
            assert records != 0 or noted or file.suffix != ".json", f"{name} is empty and not told"
        elif name in reported:
            became["rejected"] += 1
        elif file.read_bytes() in contents:
            became["known by its bytes"] += 1
        else:
            assert any(name.startswith(folder) for folder in unread), (
                f"{name} is lost (seed {seed})"
            )
            became["no stream's, told"] += 1
    return became


def _name(file: Path, roots: dict[str, Path]) -> str:
    return str(file.relative_to(roots["landing"]))


def _check_lines(file: Path, records: int) -> None:
    """Each line that says anything is a record, or a record of an envelope."""
    text = file.read_bytes()
    if not text.startswith((b"\xff\xfe", b"\xfe\xff")) and b's": [' not in text:
        count = sum(
            bool(line.strip(b" \t\r")) for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        )
        assert records in (count, text.count(b"\r") + 1), (
            f"{file}: {count} lines, {records} records"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", action="store_true", help="let paydown run go over damaged demos")
    options = parser.parse_args()
    started, total = time.process_time(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        manifest = json.loads((parse_into(Path(folder, "dbt")) / "manifest.json").read_text())
        contracts = contracts_from_manifest(manifest)
        for first in range(0, options.count, BATCH):
            home = Path(folder, "batch")
            numbers = range(first, min(first + BATCH, options.count))
            total += check_batch(home, numbers, options.seed, contracts)
            shutil.rmtree(home)
            print(f"{numbers.stop:,} inputs, {time.process_time() - started:.0f} CPU s", flush=True)
        for what, count in sorted(total.items()):
            print(f"{what}: {count:,}")
        if options.run:
            print(run_demo(Path(folder), options.seed))


def run_demo(folder: Path, seed: int) -> str:
    """Run the demo, then with a tenth of its files damaged, then as it was."""
    landing, said, states = folder / "landing", [], []
    chance = random.Random(seed)  # noqa: S311
    for step in ("whole", "damaged", "whole again"):
        shutil.rmtree(landing, ignore_errors=True)
        shutil.copytree(SAMPLES, landing)
        if step == "damaged":
            files = sorted(path for path in landing.rglob("*") if path.is_file())
            for file in chance.sample(files, len(files) // 10):
                file.write_bytes(chance.choice(DAMAGES)(file.read_bytes(), chance))
        environment = os.environ | {
            "PAYDOWN_LANDING": str(landing), "PAYDOWN_HOME": str(folder / "home"),
            "PAYDOWN_AS_OF": "2026-06-26T16:00:00Z",
        }  # fmt: skip
        command = [str(Path(sys.executable).with_name("paydown")), "run"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        epics = {
            path.name: re.findall(r"^status: *(\w+)", path.read_text(), re.M)
            for path in (folder / "home" / "epics").glob("*.md")
        }
        states.append({name for name, status in epics.items() if status == ["open"]})
        said.append(f"{step}: exit {done.returncode}, {len(states[-1])} of {len(epics)} epics open")
    assert states[0] <= states[1], f"closed by damage: {states[0] - states[1]}"
    assert states[0] == states[2]
    return "\n".join(said)


if __name__ == "__main__":
    main()
