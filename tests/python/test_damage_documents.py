"""Each kind of document with each kind of damage: the right value, or place, reason and fix."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from orchestration.configuration import READERS
from orchestration.loader import LoadReport

from .loader_helpers import Landing, project_streams

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  description: Größer
spec:
  type: service
  owner: team-shop
"""
BULLETS = """\
# Postmortem: pagerduty:Q1
- Services: shop
- Contributing factors: Zertifikat größer, expired certificate
"""
FRONT_MATTER = """\
---
incident: pagerduty:Q1
services: [shop]
title: Größer
---
# What happened
"""
OPENSLO = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: shop
  displayName: Größer
spec:
  service: shop
  objectives:
    - target: 0.999
"""
SLOTH = """\
version: prometheus/v1
service: shop
slos:
  - name: requests
    objective: 99.9
    description: Größer
"""
# Document -> its text, folder and ending, the raw table, and the column that says shop.
DOCUMENTS = {
    "catalog": (CATALOG, "backstage", ".yaml", "backstage__entities", "name"),
    "bullets": (BULLETS, "postmortems", ".md", "postmortems__postmortems", "causal_service"),
    "front": (FRONT_MATTER, "postmortems", ".md", "postmortems__postmortems", "causal_service"),
    "openslo": (OPENSLO, "slo", ".yaml", "slo__documents", "service"),
    "sloth": (SLOTH, "slo", ".yaml", "slo__documents", "service"),
}
# What is read: a postmortem without services has that of its incident. Any other text is told.
READ, UNKNOWN = "shop", "None"


def text(pattern: str, replacement: str) -> Callable[[str], str]:
    return lambda document: re.sub(pattern, replacement, document, flags=re.MULTILINE)


# Damage -> what it does to the text, or to its bytes, and what comes of it; "" for all others.
DAMAGES: dict[str, tuple[Callable[[str], str | bytes], dict[str, str]]] = {
    "none": (lambda document: document, {"": READ}),
    "key is missing": (
        text(r"^(  name: shop|- Services.*|services: .*|  service: shop|service: shop)\n", ""),
        {
            "catalog": "name: metadata.name is missing; add the key",
            "bullets": UNKNOWN, "front": UNKNOWN,
            "openslo": "name: metadata.name is missing; add the key",
            "sloth": "service: is missing (spec.service, in Sloth's files service); add the key",
        },
    ),
    "key is renamed": (
        text(r"(name|Services|services|service)(?=: .?shop)", "Dienst"),
        {
            "catalog": "name: metadata.name is missing; add the key",
            "bullets": UNKNOWN, "front": UNKNOWN,
            "openslo": "name: metadata.name is missing; add the key",
            "sloth": "service: is missing (spec.service, in Sloth's files service); add the key",
        },
    ),
    "foreign": (
        lambda _: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
        {
            "catalog": "is an object of Kubernetes, not a Backstage entity; begin it with",
            "bullets": "", "front": "",
            "": "is not a format of objectives that is read; begin it with",
        },
    ),
    "template": (
        text("shop", "{{ values.name }}"),
        {
            "bullets": "{{ values.name }}",
            "": "a template of Jinja, Helm or the like is not a document; move it elsewhere",
        },
    ),
    "utf-16": (lambda document: document.encode("utf-16"), {"": READ}),
    "windows-1252": (
        lambda document: document.encode("cp1252"),
        {"": "is not UTF-8, it was read as Windows-1252; save it as UTF-8 if letters are wrong"},
    ),
    "two encodings": (
        lambda document: document.encode() + "# größer\n".encode("cp1252"),
        {"": "is not UTF-8; fix: save the file as UTF-8 text"},
    ),
    "cut off": (lambda document: document[: document.rindex(":")], {
        "bullets": READ, "openslo": "target: is missing; write a ratio such as 0.999", "": "fix: ",
    }),
    "empty": (lambda _: "", {
        "bullets": "fix: ", "front": "fix: ",
        "": "holds no record; export it again if there should be some",
    }),
    "duplicated": (lambda document: document, {"": READ}),
    "tabs": (text("^  ", "\t"), {"bullets": READ, "front": READ, "": "not tabs"}),
}  # fmt: skip
CASES = [(document, damage) for document in DOCUMENTS for damage in DAMAGES]


def file_of(document: str, damage: str) -> str:
    _, folder, ending, _, _ = DOCUMENTS[document]
    return f"{folder}/{document}-{damage.replace(' ', '-')}{ending}"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Landing, LoadReport]:
    landing = Landing(tmp_path_factory.mktemp("documents"))
    for document, damage in CASES:
        landing.write(file_of(document, damage), DAMAGES[damage][0](DOCUMENTS[document][0]))
    nodes = [
        n for n in project_streams() if n["source_name"] in ("backstage", "postmortems", "slo")
    ]
    return landing, landing.load(*nodes, readers=READERS)


@pytest.mark.parametrize(("document", "damage"), CASES)
def test_damage_is_read_right_or_reported(
    loaded: tuple[Landing, LoadReport], document: str, damage: str
) -> None:
    landing, done = loaded
    _, _, _, table, column = DOCUMENTS[document]
    file = file_of(document, damage)
    rows = landing.query(f"select {column} as said from raw.{table} where _source_file = ?", file)
    reported = [str(problem) for problem in (*done.rejected, *done.notes) if problem.file == file]
    reported += [
        f"{row['field']}: {row['reason']}"
        for row in landing.query("select * from raw.quarantine where file = ?", file)
    ]
    expected = DAMAGES[damage][1]
    said = expected.get(document, expected.get("", ""))
    if not reported:
        assert [str(row["said"]) for row in rows] == [said]
    else:
        assert any(said in one for one in reported), (reported, rows)
        assert all("; " in one for one in reported), "it says what to do"
