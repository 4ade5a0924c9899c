"""Files of which nothing comes are told: such as no stream reads by folder, with what was probably
meant, and such as a stream reads and can't use."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.loader.unread import unread_files

from .flow_helpers import Site
from .loader_helpers import ID, Landing, column, contracts, ndjson, project_streams, stream

STREAMS = contracts(*project_streams())
USED = {"id": column(**ID), "n": column("bigint")}
NONE = "that no stream reads"
# Files that landed (-> is a link), and what is said of their folder; nothing where they are read.
CASES = {
    "pagerduty/incidents/a.json": "",
    "postmortems/2026/a.md": "",
    ".git/config": "",
    "README.md": "",
    "pagerduty/incident/a.json": f"1 file {NONE} (1 .json), such as a.json; "
    "move them to pagerduty/incidents if that was meant",
    "PagerDuty/incidents/a.json": "move them to pagerduty/incidents if",
    "pagerduty-export/a.json": "move them to one of pagerduty/incident_ids, pagerduty/incidents, ",
    "exports/a.json": "move them to one of argocd, azure_devops, backstage,",
    "pagerduty/incidents/2026/a.json": "put them into pagerduty/incidents itself, its subfolders",
    "postmortems/a.docx": "`paydown postmortem import` converts other formats to .md",
    "backstage/app/main.tf": "in backstage only *.json, *.ndjson, *.ndjson.gz, *.yaml, *.yml is",
    "opsgenie/a.json": "move them to one of opsgenie/alert_logs, opsgenie/alerts, opsgenie/inc",
    "a.csv": "this looks like ServiceNow's incidents, move it to servicenow/incidents",
    "a.json": "this looks like Opsgenie's alerts, move it to opsgenie/alerts",
    "servicenow/incidents/a.json -> gone": "a.json links to no file or to a folder",
    "backstage/repos -> /": "repos links to no file or to a folder, put the files there",
}
CONTENTS = {
    "a.csv": 'number,opened_at,"short_description"\nINC1,2026-01-01 00:00:00,down\n',
    "a.json": '[{"id": "1", "tinyId": "7", "alias": "x"}]',
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_reported_of_a_file_that_no_stream_reads(tmp_path: Path, name: str) -> None:
    landing = Landing(tmp_path)
    file, _, target = name.partition(" -> ")
    path = landing.write(file, CONTENTS.get(file, "[]"))
    if target:
        path.unlink()
        path.symlink_to(target)
    found = unread_files(STREAMS, landing.roots["landing"])
    assert len(found) == bool(CASES[name])
    for problem in found:
        assert CASES[name] in problem.reason
        assert file.startswith(problem.file.removeprefix("."))


def test_files_are_counted_by_folder_and_the_most_come_first(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for name in ("one/a.json", *(f"two/{n}.pdf" for n in range(3)), "two/x.json", "two/.x"):
        landing.write(name, "")
    first, second = unread_files(STREAMS, landing.roots["landing"])
    assert str(first).startswith(f"two: 4 files {NONE} (3 .pdf, 1 .json), such as 0.pdf; ")
    assert str(second).startswith(f"one: 1 file {NONE} (1 .json), such as a.json; ")


def test_a_run_of_which_nothing_could_be_used_fails(site: Site) -> None:
    landing = Path(site.variables["PAYDOWN_LANDING"])
    folder = landing / "pagerduty" / "incident"
    folder.mkdir(parents=True)
    (folder / "june.csv").write_text(
        "incident_number,service_name,created_on,resolved_on,seconds_to_resolve,id\n"
        "1,shop,2026-06-01T00:00:00Z,2026-06-01T01:00:00Z,3600,Q1\n"
    )
    said = "pagerduty/incident: 1 file that no stream reads (1 .csv), such as june.csv; move them"

    run = site.command("run", PAYDOWN_AS_OF="2026-06-26T00:00:00Z")
    assert run.returncode == 1, run.stdout
    assert f"FAILED paydown/loads: every_file_is_read\n{said}" in run.stdout

    folder.rename(folder.with_name("incidents"))
    folder.mkdir()
    (folder / "june.csv").write_text("")
    july = (
        "id,service_name,created_on,resolved_on,description\nQ2,shop,2026-06-02T00:00:00Z,,Größe\n"
    )
    (folder.with_name("incidents") / "july.csv").write_bytes(july.encode("cp1252"))
    run = site.command("run", PAYDOWN_AS_OF="2026-06-26T00:00:00Z")
    assert run.returncode == 0, run.stdout
    assert f"unread   {said}" in run.stdout
    windows = "pagerduty/incidents/july.csv: is not UTF-8, it was read as Windows-1252; save it"
    assert f"note     {windows}" in run.stdout
    titles = site.query("select incident_title from fct_incidents order by incident_id")
    assert titles[1:] == [("Größe",)]
    doctor = " ".join(site.command("doctor").stdout.split())
    assert f"note not read {said[:60]}" in doctor
    assert f"note file {windows}" in doctor


def test_a_file_of_which_nothing_could_be_used_is_reported_on_every_load(tmp_path: Path) -> None:
    """Three records, or all of the stream: one bad record is no such thing beside good ones."""
    landing, s = Landing(tmp_path), stream("s", USED)
    bad = [{"id": n, "n": "many"} for n in "abc"]
    landing.write("s/one.ndjson", ndjson(bad[0]))
    reason = "none of its 1 records could be used; `paydown quarantine list` says why, correct the "
    assert [str(p) for p in landing.load(s).rejected] == [
        f"s/one.ndjson: {reason}file or the contract"
    ]
    landing.write("s/good.ndjson", ndjson({"id": "d"}))
    assert landing.load(s).rejected == []
    landing.write("s/three.ndjson", ndjson(*bad))
    for _ in range(2):
        assert [problem.file for problem in landing.load(s).rejected] == ["s/three.ndjson"]
    mended = stream("s", USED | {"n": column()})
    (landing.roots["landing"] / "s" / "one.ndjson").unlink()
    landing.warehouse.unlink()
    assert landing.load(mended).rejected == []


def test_a_file_without_a_part_for_any_stream_is_reported(tmp_path: Path) -> None:
    """Another tool's, or renamed; of a file that one of its streams can use nothing is said."""
    landing = Landing(tmp_path)
    landing.write("shared/foreign.json", '[{"name": "x"}]')
    landing.write("shared/good.json", '[{"id": "a", "parts": [{"n": 1}]}]')
    landing.write("shared/line.ndjson", '{"id": "b"}\n')
    nodes = [
        stream(each, {"id": column(**ID)}, each=each, files="landing:shared/*")
        for each in ("parts", "others")
    ]
    expected = "shared/foreign.json: holds no record; export it again if there should be some"
    assert [str(note) for note in landing.load(*nodes).notes] == [expected]
    nodes[1]["config"]["meta"]["each"] = "other"  # So that one of the two is read again.
    assert [str(note) for note in landing.load(*nodes).notes] == [expected]


def test_a_file_that_is_complete_again_is_no_longer_a_problem(tmp_path: Path) -> None:
    landing, node = Landing(tmp_path), stream("again", USED)
    landing.write("again/other.ndjson", ndjson({"id": "b"}))
    found = []
    for records in ([{"id": "a"}], [{"id": None}] * 3, [{"id": "a"}]):
        landing.write("again/x.ndjson", ndjson(*records))
        found.append(len(landing.load(node).rejected))
    assert found == [0, 1, 0]
