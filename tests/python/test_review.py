"""`paydown review`: decisions of the meeting, from the page into decisions.yaml and a branch."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.cli.review import review_server
from orchestration.decisions.review import checked, commit, read_decisions, record
from orchestration.documents import ConfigError, DocumentError
from orchestration.report.server import ReviewServer
from orchestration.settings import Settings

from .browser import chromium, needs_chromium, opened
from .flow_helpers import ROOT, Demo, Site

FILE = """# Ours.
decisions:
  - service: ledger     # it grows
    decision: defer
    until: '2026-08-01'
    decided_on: 2026-06-19
    reason: "after the migration"
# The end.
"""
YES: dict[str, Any] = {"service": "auth", "decision": "promote", "decided_on": "2026-06-26"}


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with a file that people wrote."""
    place = tmp_path / "checkout" / "modernization"
    place.mkdir(parents=True)
    (place / "decisions.yaml").write_text(FILE)
    git(place, "init", "--quiet", "--initial-branch=main")
    git(place, "add", ".")
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
    git(place, *who, "commit", "--quiet", "-m", "begin")
    return place


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"decision": "close"}, "reason: is a no without a reason"),
        ({"decision": "defer", "reason": "later"}, "until: is deferred without an end"),
        ({"decision": "defer", "reason": "x", "until": "2026-06-26"}, "2026-06-26: is not after"),
        ({"decision": "promote", "until": "2026-07-26"}, "until: 2026-07-26: has no meaning"),
        (
            {"decision": "close", "reason": "x", "due": "2026-07-26"},
            "due: 2026-07-26: has no meaning",
        ),
        ({"decision": "promote", "due": "July"}, "due: July: is not a date"),
        ({"decision": "promoted"}, "write promote"),
        ({"service": "  "}, "service"),
        ({"why": "x"}, "why: is not a known key"),
    ],
)  # fmt: skip
def test_a_decision_that_says_too_little_or_too_much_is_refused(
    said: dict[str, Any], words: str
) -> None:
    with pytest.raises(DocumentError) as refused:
        checked(YES | said)
    assert words in str(refused.value)


def test_an_entry_is_added_and_all_else_stays_to_the_byte(folder: Path) -> None:
    record(
        folder, checked(YES | {"reason": "it: stopped #payments", "due": "2026-09-01", "owner": ""})
    )
    text = (folder / "decisions.yaml").read_text()
    begin, end = FILE.split("# The end.")
    assert text.startswith(begin)
    assert text.endswith("# The end." + end)
    assert [one.service for one in read_decisions(folder)] == ["ledger", "auth"]
    assert yaml.safe_load(text)["decisions"][1]["reason"] == "it: stopped #payments"


def test_a_file_that_is_wrong_stays_as_it_is(folder: Path) -> None:
    path = folder / "decisions.yaml"
    path.write_text(FILE.replace("defer", "differ"))
    with pytest.raises(ConfigError, match=r"decisions\.yaml:4: .*write defer"):
        read_decisions(folder)
    before = path.read_bytes()
    with pytest.raises(DocumentError):
        record(folder, checked(YES))
    assert path.read_bytes() == before


def test_a_meeting_is_one_commit_on_a_branch_and_the_checkout_is_left_alone(folder: Path) -> None:
    (folder / "other.txt").write_text("of somebody")
    for service in ("auth", "kyc"):
        record(folder, checked(YES | {"service": service}))
        assert commit(folder, "2026-06-26") == "review/2026-06-26"
    assert git(folder, "branch", "--show-current") == "main"
    assert git(folder, "rev-list", "--count", "main..review/2026-06-26") == "1"
    changed = git(folder, "diff", "--name-only", "main", "review/2026-06-26")
    assert changed == "modernization/decisions.yaml" or changed == "decisions.yaml"
    said = git(folder, "show", "review/2026-06-26:./decisions.yaml") + "\n"
    assert said == (folder / "decisions.yaml").read_text()
    assert git(folder, "diff", "--cached", "--name-only") == ""
    # What somebody put on that branch meanwhile stays theirs.
    tree = git(folder, "rev-parse", "review/2026-06-26^{tree}")
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
    theirs = git(folder, *who, "commit-tree", tree, "-p", "review/2026-06-26", "-m", "theirs")
    git(folder, "update-ref", "refs/heads/review/2026-06-26", theirs)
    assert commit(folder, "2026-06-26") == "review/2026-06-26-2"
    assert git(folder, "rev-parse", "review/2026-06-26") == theirs


def test_without_git_the_file_is_enough(tmp_path: Path) -> None:
    record(tmp_path, checked(YES))
    assert commit(tmp_path, "2026-06-26") == ""
    assert [one.service for one in read_decisions(tmp_path)] == ["auth"]


@contextmanager
def serving(server: ReviewServer) -> Generator[ReviewServer]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def ask(
    server: ReviewServer, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body or None, names)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_only_the_printed_address_is_answered() -> None:
    taken: list[Any] = []

    def take(said: Any) -> dict[str, Any]:
        taken.append(said)
        return {"branch": ""}

    with serving(ReviewServer(0, lambda token: f"page {len(token) > 20}", take)) as server:
        assert server.server_address[0] == "127.0.0.1"
        own = {"Origin": f"http://127.0.0.1:{server.server_port}", "X_Paydown_Token": server.token}
        page = f"/?token={server.token}"
        assert ask(server, "GET", page) == (200, "page True")
        refused = (
            ask(server, "GET", "/"),
            ask(server, "GET", "/?token=guess"),
            ask(server, "GET", page, Host="evil.example"),
            ask(server, "POST", "/decisions", "{}", **own | {"X_Paydown_Token": "guess"}),
            ask(server, "POST", "/decisions", "{}", **own | {"Origin": "http://evil.example"}),
            ask(server, "POST", "/decisions", "{}", **{k: own[k] for k in own if k != "Origin"}),
            ask(server, "POST", "/decisions", "{}", **own | {"Host": "evil.example"}),
        )
        assert {status for status, _ in refused} == {403}
        assert server.token not in "".join(text for _, text in refused)
        assert ask(server, "GET", "/etc/passwd")[0] == 404
        assert ask(server, "POST", "/decisions", "x" * 70_000, **own)[0] == 400
        assert ask(server, "POST", "/decisions", "[]", **own)[0] == 422
        assert taken == []
        assert ask(server, "POST", "/decisions", '{"a": 1}', **own)[0] == 200
        assert taken == [{"a": 1}]


def settings_of(demo: Demo, modernization: Path) -> Settings:
    variables = {"PAYDOWN_MODERNIZATION": str(modernization)}
    return Settings.from_environment(demo.site.environment(**variables))


@needs_chromium
def test_a_decision_made_by_keyboard_lands_in_the_file(demo: Demo, folder: Path) -> None:
    settings = settings_of(demo, folder)
    with (
        serving(review_server(settings, 0)) as server,
        chromium() as browser,
        opened(browser, server.address, viewport={"width": 1280, "height": 900}) as page,
    ):
        page.locator('[data-decide="component:default/kyc"]').focus()
        page.keyboard.press("Enter")
        assert page.locator("#d-service").input_value() == "kyc"
        page.locator("#d-decision").press("d")
        assert "90 days cost" in page.inner_text("#price")
        page.locator("#d-until").fill("2026-08-01")
        page.locator("#d-reason").focus()
        page.keyboard.type("replaced in July </script>")
        page.locator("#d-by").focus()
        page.keyboard.type("Ana")
        page.keyboard.press("Enter")
        page.locator("#recorded:not(:empty)").wait_for(timeout=20_000)
        assert "Committed on the branch review/2026-06-26" in page.inner_text("#recorded")
        page.reload()
        assert "replaced in July </script>" in page.inner_text("#decided")
    made = read_decisions(folder)[-1].model_dump(exclude_none=True)
    assert made == {
        "service": "kyc", "decision": "defer", "until": "2026-08-01", "decided_by": "Ana",
        "decided_on": "2026-06-26", "reason": "replaced in July </script>",
    }  # fmt: skip


def test_what_the_server_refuses_changes_nothing(demo: Demo, folder: Path) -> None:
    before = (folder / "decisions.yaml").read_text()
    with serving(review_server(settings_of(demo, folder), 0)) as server:
        own = {"Origin": f"http://127.0.0.1:{server.server_port}", "X_Paydown_Token": server.token}
        for said, words in (
            ({"service": "nobody", "decision": "promote"}, "nobody is not scored"),
            ({"service": "auth", "decision": "close"}, "write why"),
            ({"service": "auth", "decision": "close", "reason": "x" * 3000}, "2000"),
        ):
            status, text = ask(server, "POST", "/decisions", json.dumps(said), **own)
            assert status == 422
            assert words in text
    assert (folder / "decisions.yaml").read_text() == before


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_decisions_outlive_the_next_runs(demo_copy: Site, tmp_path: Path) -> None:
    """auth is in the bundle band and promoted; event-bus gets the owner that blocked it; a no to
    payments-api is no harm to its open epic."""
    folder = tmp_path / "modernization"
    shutil.copytree(ROOT / "modernization", folder)
    demo_copy.variables["PAYDOWN_MODERNIZATION"] = str(folder)
    for said in (
        YES | {"due": "2026-09-30"},
        YES | {"service": "event-bus", "owner": "team-platform"},
        YES | {"service": "payments-api", "decision": "close", "reason": "cheaper to live with"},
    ):
        record(folder, checked(said))
    for _ in range(2):
        done = demo_copy.command("run")
        assert done.returncode == 0, done.stdout
    epics = dict(
        demo_copy.query("select service_name, due_date::varchar from fct_epics where is_open")
    )
    assert set(epics) == {"api-gateway", "auth", "event-bus", "payments-api"}
    assert epics["auth"] == "2026-09-30"
