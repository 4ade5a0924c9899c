"""Files out of git repositories and folders: what the repository holds now is what is landed."""

from __future__ import annotations

import os
import random
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import AccessError, SourceError, UnavailableError
from orchestration.landing import open_landing
from orchestration.vendors.base import Context
from orchestration.vendors.git import GitConfig

from .loopback import IMPATIENT, killed_at, serving
from .vendor_git import ENVIRONMENT, GitServer, Remote, StaticServer

TOKEN = "tok-3f9a77"  # noqa: S105
CATALOG = {"backstage": "**/catalog-info.yaml"}
CONTEXT = Context(environment=ENVIRONMENT, patience=IMPATIENT)


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    remote = Remote(tmp_path / "shop")
    remote.put("catalog-info.yaml", "1")
    remote.put("pay/catalog-info.yaml", "2")
    remote.put("docs/pm/one.md", "3")
    remote.put("main.py", "4")
    remote.commit()
    return remote


def config(*repositories: dict[str, Any], **settings: Any) -> GitConfig:
    return GitConfig.model_validate({"repositories": repositories, **settings})


def sync(root: Path, settings: GitConfig, context: Context = CONTEXT) -> None:
    with open_landing(root / "landing", root / "state", "git") as landing:
        settings.extractor(context).sync(landing)


def placed(root: Path) -> dict[str, str]:
    """Every file that a loader sees, by its path."""
    folder = root / "landing"
    return {
        name: path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (name := path.relative_to(folder).as_posix())
    }


def test_files_go_where_paths_say(tmp_path: Path, remote: Remote) -> None:
    paths = {**CATALOG, "postmortems": ["docs/pm/*.md", "!**/README.md"]}
    sync(tmp_path, config({"url": remote.url, "paths": paths}))
    assert placed(tmp_path) == {
        "backstage/git/shop/catalog-info.yaml": "1",
        "backstage/git/shop/pay/catalog-info.yaml": "2",
        "postmortems/git/shop/docs/pm/one.md": "3",
    }


def test_what_is_gone_there_is_gone_here(tmp_path: Path, remote: Remote) -> None:
    settings = config({"url": remote.url, "paths": CATALOG})
    sync(tmp_path, settings)
    kept = tmp_path / "landing/backstage/git/shop/catalog-info.yaml"
    before = kept.stat()
    remote.put("pay/catalog-info.yaml", None)
    remote.put("ledger/catalog-info.yaml", "5")
    remote.commit()
    sync(tmp_path, settings)
    assert placed(tmp_path) == {
        "backstage/git/shop/catalog-info.yaml": "1",
        "backstage/git/shop/ledger/catalog-info.yaml": "5",
    }
    # What did not change was not written.
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not (tmp_path / "landing/backstage/git/shop/pay").exists()


def test_a_file_becomes_a_folder_and_back(tmp_path: Path, remote: Remote) -> None:
    settings = config({"url": remote.url, "paths": {"backstage": "x/**"}})
    for name in ("x/a", "x/a/b", "x/a"):
        shutil.rmtree(remote.folder / "x", ignore_errors=True)
        remote.put(name, name)
        remote.commit()
        sync(tmp_path, settings)
        assert placed(tmp_path) == {f"backstage/git/shop/{name}": name}


def test_a_repository_that_is_no_longer_named_goes(tmp_path: Path, remote: Remote) -> None:
    other = Remote(tmp_path / "bank")
    other.put("catalog-info.yaml", "bank")
    other.commit()
    one, two = {"url": remote.url, "paths": CATALOG}, {"url": other.url, "paths": CATALOG}
    mine = tmp_path / "landing/backstage/mine.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    sync(tmp_path, config(one, two))
    assert len(placed(tmp_path)) == 4
    sync(tmp_path, config(two))
    assert placed(tmp_path) == {
        "backstage/git/bank/catalog-info.yaml": "bank",
        "backstage/mine.yaml": "mine",
    }


def test_branch_tag_and_commit(tmp_path: Path, remote: Remote) -> None:
    first = remote.git("rev-parse", "HEAD")
    remote.git("tag", "-a", "v1", "-m", "x")
    remote.git("config", "uploadpack.allowAnySHA1InWant", "true")
    remote.put("catalog-info.yaml", "later")
    remote.commit()
    for ref, expected in [("v1", "1"), ("main", "later"), (first, "1"), ("HEAD", "later")]:
        settings = config({"url": remote.url, "ref": ref, "paths": CATALOG})
        assert settings.extractor(CONTEXT).check() == "1 repositories and folders"
        sync(tmp_path, settings)
        assert placed(tmp_path)["backstage/git/shop/catalog-info.yaml"] == expected


def test_hidden_and_awkward_names_arrive(tmp_path: Path, remote: Remote) -> None:
    for name in (".backstage/catalog-info.yaml", "%2E/catalog-info.yaml", "a b/catalog-info.yaml"):
        remote.put(name, name)
    Path(os.fsdecode(os.fsencode(remote.folder) + b"/\xff.yaml")).write_text("bytes")
    remote.commit()
    sync(
        tmp_path,
        config({"url": remote.url, "paths": {"backstage": ["**/catalog-info.yaml", "?.yaml"]}}),
    )
    found = placed(tmp_path)
    assert (
        found["backstage/git/shop/%2Ebackstage/catalog-info.yaml"] == ".backstage/catalog-info.yaml"
    )
    assert found["backstage/git/shop/%252E/catalog-info.yaml"] == "%2E/catalog-info.yaml"
    assert found["backstage/git/shop/a b/catalog-info.yaml"] == "a b/catalog-info.yaml"
    assert found["backstage/git/shop/\udcff.yaml"] == "bytes"


def test_links_submodules_and_hooks_have_no_effect(tmp_path: Path, remote: Remote) -> None:
    secret, touched = tmp_path / "secret", tmp_path / "touched"
    secret.write_text("secret")
    (remote.folder / "link").mkdir()
    (remote.folder / "link/catalog-info.yaml").symlink_to(secret)
    remote.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub/catalog-info.yaml")
    remote.put(".gitmodules", f'[submodule "sub"]\n\tpath = sub\n\turl = {remote.url}\n')
    remote.put(".gitattributes", "* filter=touch\n")
    remote.git("add", ".gitmodules", ".gitattributes", "link")
    remote.git("commit", "-q", "-m", "x")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {touched}\n")
        (hooks / name).chmod(0o755)
    personal = tmp_path / "gitconfig"
    personal.write_text(
        f'[core]\n\thooksPath = {hooks}\n[filter "touch"]\n\tsmudge = touch {touched}\n'
    )
    environment = {**ENVIRONMENT, "GIT_CONFIG_GLOBAL": str(personal), "GIT_DIR": "/nowhere"}
    settings = config({"url": remote.url, "paths": CATALOG})
    sync(tmp_path, settings, replace(CONTEXT, environment=environment))
    assert sorted(placed(tmp_path)) == [
        "backstage/git/shop/catalog-info.yaml", "backstage/git/shop/pay/catalog-info.yaml",
    ]  # fmt: skip
    assert not touched.exists()


def test_a_folder_is_read_without_links_git_and_what_we_placed(
    tmp_path: Path, remote: Remote
) -> None:
    (remote.folder / "link.yaml").symlink_to("main.py")
    (remote.folder / "all").symlink_to(remote.folder)
    settings = config({"folder": "shop", "paths": {"backstage": "**"}})
    context = replace(CONTEXT, base_folder=tmp_path)
    # The landing folder lies within the folder itself.
    for _ in range(2):
        sync(remote.folder, settings, context)
    assert placed(remote.folder).keys() - {"backstage/git/shop/state/git.json"} == {
        "backstage/git/shop/catalog-info.yaml",
        "backstage/git/shop/docs/pm/one.md",
        "backstage/git/shop/main.py",
        "backstage/git/shop/pay/catalog-info.yaml",
        "backstage/git/shop/state/git.lock",
    }


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    settings = config({"folder": str(tmp_path / "none"), "paths": CATALOG})
    with pytest.raises(SourceError, match="there is no folder"):
        sync(tmp_path, settings)
    with pytest.raises(SourceError, match="there is no folder"):
        settings.extractor(CONTEXT).check()


def gone(remote: Remote) -> None:
    remote.folder.rename(remote.folder.with_name("elsewhere"))


def no_branch(remote: Remote) -> None:
    remote.git("branch", "-m", "main", "trunk")


def no_match(remote: Remote) -> None:
    remote.git("rm", "-q", "-r", "catalog-info.yaml", "pay")
    remote.commit()


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        (gone, UnavailableError, "does not appear to be a git repository"),
        (no_branch, SourceError, "has no main; correct the ref"),
        (no_match, SourceError, r"no file of main matches \*\*/catalog-info.yaml"),
    ],
)
def test_a_fault_keeps_what_was_there_and_stops_no_other(
    tmp_path: Path, remote: Remote, damage: Any, kind: type[SourceError], words: str
) -> None:
    other = Remote(tmp_path / "bank")
    other.put("catalog-info.yaml", "1")
    other.commit()
    settings = config(
        {"url": remote.url, "ref": "main", "paths": CATALOG}, {"url": other.url, "paths": CATALOG}
    )
    sync(tmp_path, settings)
    before = placed(tmp_path)
    damage(remote)
    other.put("catalog-info.yaml", "2")
    other.commit()
    with pytest.raises(kind, match=words):
        sync(tmp_path, settings)
    assert placed(tmp_path) == {**before, "backstage/git/bank/catalog-info.yaml": "2"}


def test_a_clone_that_is_broken_is_made_anew(tmp_path: Path, remote: Remote) -> None:
    settings = config({"url": remote.url, "paths": CATALOG})
    sync(tmp_path, settings)
    clone = tmp_path / "state/git/shop.git"
    (clone / "shallow.lock").touch()
    shutil.rmtree(clone / "refs")
    remote.put("catalog-info.yaml", "2")
    remote.commit()
    sync(tmp_path, settings)
    assert placed(tmp_path)["backstage/git/shop/catalog-info.yaml"] == "2"


# A sync that changes three files makes fewer events than that.
@pytest.mark.parametrize("events", [range(start, 52, 4) for start in range(4)])
def test_killed_anywhere_nothing_is_half_placed(
    tmp_path: Path, remote: Remote, events: range
) -> None:
    settings = config({"url": remote.url, "paths": CATALOG})
    first = tmp_path / "first"
    sync(first, settings)
    old = placed(first)
    remote.put("catalog-info.yaml", "changed")
    remote.put("pay/catalog-info.yaml", None)
    remote.put("new/catalog-info.yaml", "new")
    remote.commit()
    new = {
        "backstage/git/shop/catalog-info.yaml": "changed",
        "backstage/git/shop/new/catalog-info.yaml": "new",
    }
    for event in events:
        for begun in (first, None):
            site = tmp_path / f"site{event}{begun is None}"
            if begun:
                shutil.copytree(begun, site)
            was_killed = killed_at(event, lambda site=site: sync(site, settings))
            assert was_killed or event > 30
            # What stays is never missing.
            assert not begun or "backstage/git/shop/catalog-info.yaml" in placed(site)
            # Whoever opens the landing carries out what was committed; no remote is needed.
            with open_landing(site / "landing", site / "state", "git"):
                assert placed(site) in (old if begun else {}, new)
            sync(site, settings)
            assert placed(site) == new
            assert not list((site / "landing").rglob(".partial-*"))


def test_only_wanted_contents_are_fetched(tmp_path: Path, remote: Remote) -> None:
    remote.git("config", "uploadpack.allowFilter", "true")
    remote.git("config", "uploadpack.allowAnySHA1InWant", "true")
    (remote.folder / "large").write_bytes(random.Random(1).randbytes(4 << 20))
    remote.commit()
    settings = config({"url": remote.url, "paths": CATALOG}, max_megabytes=1)
    sync(tmp_path, settings)
    assert len(placed(tmp_path)) == 2
    remote.put("pay/catalog-info.yaml", "changed")
    remote.commit()
    sync(tmp_path, settings)
    assert placed(tmp_path)["backstage/git/shop/pay/catalog-info.yaml"] == "changed"


def test_a_server_that_only_gives_out_files(tmp_path: Path, remote: Remote) -> None:
    with serving(StaticServer(remote.folder)) as url:
        for text in ("1", "2"):
            remote.put("catalog-info.yaml", text)
            remote.commit()
            remote.git("update-server-info")
            sync(tmp_path, config({"url": f"{url}/.git", "name": "shop", "paths": CATALOG}))
            assert len(placed(tmp_path)) == 2
            assert placed(tmp_path)["backstage/git/shop/catalog-info.yaml"] == text


def test_a_token_goes_to_its_own_server_and_nowhere_else(
    tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = tmp_path / "arguments"
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    real = shutil.which("git")
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {shown}\nexec {real} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    environment = {
        **ENVIRONMENT, "PATH": os.environ["PATH"], "SHOP_TOKEN": TOKEN, "GIT_TRACE_CURL": "1",
    }  # fmt: skip
    context = replace(CONTEXT, environment=environment)
    server = GitServer(remote, "x-access-token", TOKEN)
    with serving(server) as url:
        good = {"url": f"{url}/r.git", "paths": CATALOG, "name": "shop", "token_env": "SHOP_TOKEN"}
        sync(tmp_path, config(good), context)
        assert len(placed(tmp_path)) == 2

        server.requests.clear()
        moved = {**good, "url": f"{url}/moved.git"}
        with pytest.raises(SourceError, match="redirect"):
            sync(tmp_path, config(moved), context)
        assert {request.path.split("/")[1] for request in server.requests} == {"moved.git"}

        bare = {"url": f"{url}/r.git", "paths": CATALOG, "name": "shop"}
        with pytest.raises(AccessError, match="set token_env"):
            sync(tmp_path, config(bare), context)
    assert len(placed(tmp_path)) == 2
    commands = shown.read_text()
    assert "fetch" in commands
    assert TOKEN not in commands
    assert "Basic" not in commands


def test_a_page_for_people_is_told(tmp_path: Path, remote: Remote) -> None:
    """Git takes it for the list of refs of an old server, in which there is none."""
    server = GitServer(remote, "x-access-token", TOKEN)
    server.faults = dict.fromkeys(range(9), "html")
    with (
        serving(server) as url,
        pytest.raises(SourceError, match=r"has no HEAD; .* or its url if a page .* answers"),
    ):
        sync(tmp_path, config({"url": f"{url}/r.git", "paths": CATALOG}))


def test_a_remote_without_end_is_left(tmp_path: Path, remote: Remote) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    environment = {**ENVIRONMENT, "GIT_SSH": str(slow)}
    settings = config({"url": "git@example.com:a/b.git", "paths": CATALOG}, timeout_seconds=0.3)
    with pytest.raises(SourceError, match="raise timeout_seconds"):
        sync(tmp_path, settings, replace(CONTEXT, environment=environment))


def test_a_repository_that_is_too_large_is_left(tmp_path: Path, remote: Remote) -> None:
    (remote.folder / "large").write_bytes(random.Random(1).randbytes(24 << 20))
    remote.commit()
    settings = config({"url": remote.url, "paths": CATALOG}, max_megabytes=1)
    with pytest.raises(SourceError, match="raise max_megabytes"):
        sync(tmp_path, settings)
    assert not (tmp_path / "state/git/shop.git").exists()


def test_too_much_that_matches_is_left(
    tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.vendors.git.extractor.MAX_BYTES", 1)
    with pytest.raises(SourceError, match="narrow its paths"):
        sync(tmp_path, config({"url": remote.url, "paths": CATALOG}))


def test_one_request_a_sync(tmp_path: Path, remote: Remote) -> None:
    settings = config({"url": remote.url, "paths": CATALOG})
    for _ in range(2):
        with open_landing(tmp_path / "landing", tmp_path / "state", "git") as landing:
            extractor = settings.extractor(CONTEXT)
            extractor.sync(landing)
            assert extractor.requests == 1
