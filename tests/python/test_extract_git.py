"""Files out of git repositories and folders: what the repository holds now is what is landed."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import AccessError, SourceError, UnavailableError
from orchestration.vendors.git.extractor import GitConfig

from .extraction import Source
from .loopback import serving
from .vendor_git import ENVIRONMENT, GitServer, Remote

TOKEN = "tok-3f9a77"  # noqa: S105
CATALOG = {"backstage": "**/catalog-info.yaml"}


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return repository(tmp_path / "shop", "catalog-info.yaml", "pay/catalog-info.yaml", "pm/1.md")


def repository(folder: Path, *names: str) -> Remote:
    """A repository with files that hold their names."""
    remote = Remote(folder)
    for name in names:
        remote.put(name, name)
    remote.commit()
    return remote


def sync(
    root: Path,
    *repositories: dict[str, Any],
    environment: dict[str, str] | None = None,
    **settings: Any,
) -> int:
    """One sync; the number of its requests. `paths` are those of a catalog unless given."""
    described = [{"paths": CATALOG, **one} for one in repositories]
    config = GitConfig.model_validate({"repositories": described, **settings})
    source = Source("git", {**ENVIRONMENT, **(environment or {})}, base_folder=root)
    return source.sync(root / "landing", config, state=root / "state")[0]


def placed(root: Path) -> dict[str, str]:
    """Every file that a loader sees, by its path."""
    folder = root / "landing"
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*"))}
    return {
        name.as_posix(): path.read_text()
        for name, path in found.items()
        if path.is_file()
        and name.parts[0] != "paydown"
        and not any(part.startswith(".") for part in name.parts)
    }


def shop(*names: str, **others: str) -> dict[str, str]:
    """What is expected of the repository `shop`: files that hold their names, and others."""
    return {f"backstage/git/shop/{n}": n for n in names} | {
        f"backstage/git/shop/{n}": text for n, text in others.items()
    }


def test_files_go_where_paths_say_and_what_is_gone_there_is_gone_here(
    tmp_path: Path, remote: Remote
) -> None:
    bank, mine = repository(tmp_path / "bank", "catalog-info.yaml"), "landing/backstage/mine.yaml"
    (tmp_path / mine).parent.mkdir(parents=True)
    (tmp_path / mine).write_text("mine")
    one = {"url": remote.url, "paths": {**CATALOG, "postmortems": ["pm/*.md", "!**/README.md"]}}
    other = {"url": bank.url}
    rest = {
        "backstage/git/bank/catalog-info.yaml": "catalog-info.yaml",
        "backstage/mine.yaml": "mine",
    }
    for _ in range(2):
        # One request a repository.
        assert sync(tmp_path, one, other) == 2
    assert placed(tmp_path) == {
        **shop("catalog-info.yaml", "pay/catalog-info.yaml"),
        "postmortems/git/shop/pm/1.md": "pm/1.md",
        **rest,
    }
    kept = tmp_path / "landing/backstage/git/shop/catalog-info.yaml"
    before = kept.stat()
    remote.put("pay/catalog-info.yaml", None)
    remote.put("ledger/catalog-info.yaml", "5")
    remote.commit()
    sync(tmp_path, {"url": remote.url}, other)
    found = {**shop("catalog-info.yaml", **{"ledger/catalog-info.yaml": "5"}), **rest}
    assert placed(tmp_path) == found
    # What did not change was not written.
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not (tmp_path / "landing/backstage/git/shop/pay").exists()
    sync(tmp_path, other)
    assert placed(tmp_path) == rest


def test_a_file_becomes_a_folder_and_back(tmp_path: Path, remote: Remote) -> None:
    for name in ("x/a", "x/a/b", "x/a"):
        shutil.rmtree(remote.folder / "x", ignore_errors=True)
        remote.put(name, name)
        remote.commit()
        sync(tmp_path, {"url": remote.url, "paths": {"backstage": "x/**"}})
        assert placed(tmp_path) == shop(name)


def test_branch_tag_and_commit(tmp_path: Path, remote: Remote) -> None:
    first = remote.git("rev-parse", "HEAD")
    remote.git("tag", "-a", "v1", "-m", "x")
    remote.git("config", "uploadpack.allowAnySHA1InWant", "true")
    remote.put("catalog-info.yaml", "later")
    remote.commit()
    for ref in ("v1", "main", first, "HEAD"):
        one = {"url": remote.url, "ref": ref, "paths": CATALOG}
        config = GitConfig.model_validate({"repositories": [one]})
        checked = config.extractor(Source("git", ENVIRONMENT).context()).check()
        assert checked == "1 repositories and folders"
        sync(tmp_path, one)
        expected = "later" if ref in ("main", "HEAD") else "catalog-info.yaml"
        assert placed(tmp_path)["backstage/git/shop/catalog-info.yaml"] == expected


def test_hidden_and_awkward_names_arrive(tmp_path: Path, remote: Remote) -> None:
    for name in (".backstage/a.yaml", "%2E/a.yaml", "a b/a.yaml", "\udcff.yaml"):
        remote.put(name, "here")
    remote.commit()
    sync(tmp_path, {"url": remote.url, "paths": {"backstage": ["**/a.yaml", "?.yaml"]}})
    names = ("%2Ebackstage/a.yaml", "%252E/a.yaml", "a b/a.yaml", "\udcff.yaml")
    assert placed(tmp_path) == shop(**dict.fromkeys(names, "here"))


def test_links_submodules_and_hooks_have_no_effect(tmp_path: Path, remote: Remote) -> None:
    secret, touched, hooks = (tmp_path / name for name in ("secret", "touched", "hooks"))
    secret.write_text("secret")
    (remote.folder / "link").mkdir()
    (remote.folder / "link/catalog-info.yaml").symlink_to(secret)
    remote.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub/catalog-info.yaml")
    remote.put(".gitmodules", f'[submodule "sub"]\n\tpath = sub\n\turl = {remote.url}\n')
    remote.put(".gitattributes", "* filter=touch\n")
    remote.git("add", ".gitmodules", ".gitattributes", "link")
    remote.git("commit", "-q", "-m", "x")
    hooks.mkdir()
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {touched}\n")
        (hooks / name).chmod(0o755)
    personal = tmp_path / "gitconfig"
    personal.write_text(
        f'[core]\n\thooksPath = {hooks}\n[filter "touch"]\n\tsmudge = touch {touched}\n'
    )
    environment = {"GIT_CONFIG_GLOBAL": str(personal), "GIT_DIR": "/nowhere"}
    sync(tmp_path, {"url": remote.url}, environment=environment)
    assert placed(tmp_path) == shop("catalog-info.yaml", "pay/catalog-info.yaml")
    assert not touched.exists()


def test_a_folder_is_read_without_links_git_and_what_we_placed(
    tmp_path: Path, remote: Remote
) -> None:
    (remote.folder / "link.yaml").symlink_to("catalog-info.yaml")
    (remote.folder / "all").symlink_to(remote.folder)
    # The landing folder lies within the folder itself.
    paths = {"backstage": ["**", "!state/**"]}
    for _ in range(2):
        sync(remote.folder, {"folder": ".", "name": "shop", "paths": paths})
    assert placed(remote.folder) == shop("catalog-info.yaml", "pay/catalog-info.yaml", "pm/1.md")


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        ("elsewhere", UnavailableError, "does not appear to be a git repository"),
        ("no branch", SourceError, "has no main; correct the ref"),
        ("no match", SourceError, r"no file of main matches \*\*/catalog-info.yaml"),
        ("no folder", SourceError, "no such folder: .*correct it"),
        ("unreadable", AccessError, r"shop/pay may not be read; let the user that runs paydown"),
    ],
)
def test_an_error_keeps_what_had_landed_and_stops_no_other(
    tmp_path: Path,
    remote: Remote,
    damage: str,
    kind: type[SourceError],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bank = repository(tmp_path / "bank", "catalog-info.yaml")
    is_folder = damage in ("no folder", "unreadable")
    one = {"folder": "shop"} if is_folder else {"url": remote.url, "ref": "main"}
    sync(tmp_path, one, {"url": bank.url})
    before = placed(tmp_path)
    if damage in ("elsewhere", "no folder"):
        remote.folder.rename(tmp_path / "elsewhere")
    elif damage == "no branch":
        remote.git("branch", "-m", "main", "trunk")
    elif damage == "no match":
        remote.git("rm", "-q", "-r", "catalog-info.yaml", "pay")
        remote.commit()
    else:
        listed = os.scandir

        def refuse(path: str) -> Any:
            if str(path) == str(remote.folder / "pay"):
                raise PermissionError(13, "Permission denied", path)
            return listed(path)

        monkeypatch.setattr(os, "scandir", refuse)
    bank.put("catalog-info.yaml", "2")
    bank.commit()
    with pytest.raises(kind, match=words):
        sync(tmp_path, one, {"url": bank.url})
    assert placed(tmp_path) == {**before, "backstage/git/bank/catalog-info.yaml": "2"}


def test_a_broken_clone_is_made_from_scratch(tmp_path: Path, remote: Remote) -> None:
    sync(tmp_path, {"url": remote.url})
    clone = tmp_path / "state/git/shop.git"
    (clone / "shallow.lock").touch()
    shutil.rmtree(clone / "refs")
    remote.put("catalog-info.yaml", "2")
    remote.commit()
    sync(tmp_path, {"url": remote.url})
    assert placed(tmp_path)["backstage/git/shop/catalog-info.yaml"] == "2"


def test_only_wanted_contents_are_fetched_and_what_is_too_large_is_left(
    tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    (remote.folder / "large").write_bytes(random.Random(1).randbytes(4 << 20))
    remote.commit()
    with pytest.raises(SourceError, match="raise max_megabytes"):
        sync(tmp_path, {"url": remote.url}, max_megabytes=1)
    assert not (tmp_path / "state/git/shop.git").exists()
    remote.git("config", "uploadpack.allowFilter", "true")
    remote.git("config", "uploadpack.allowAnySHA1InWant", "true")
    for text in ("1", "2"):
        remote.put("pay/catalog-info.yaml", text)
        remote.commit()
        sync(tmp_path, {"url": remote.url}, max_megabytes=1)
        assert placed(tmp_path) == shop("catalog-info.yaml", **{"pay/catalog-info.yaml": text})
    monkeypatch.setattr("orchestration.vendors.git.clone.MAX_BYTES", 1)
    with pytest.raises(SourceError, match="narrow its paths"):
        sync(tmp_path, {"url": remote.url})


def test_a_token_goes_to_its_own_server_and_nowhere_else(
    tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, wrapper = tmp_path / "arguments", tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {shown}\nexec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    environment = {"PATH": path, "SHOP_TOKEN": TOKEN, "GIT_TRACE_CURL": "1"}
    server = GitServer(remote, "x-access-token", TOKEN)
    with serving(server) as url:
        good = {"url": f"{url}/r.git", "name": "shop", "token_env": "SHOP_TOKEN"}
        sync(tmp_path, good, environment=environment)
        assert len(placed(tmp_path)) == 2

        server.requests.clear()
        with pytest.raises(SourceError, match="redirect"):
            sync(tmp_path, {**good, "url": f"{url}/moved.git"}, environment=environment)
        assert {request.path.split("/")[1] for request in server.requests} == {"moved.git"}

        with pytest.raises(AccessError, match="set token_env"):
            sync(tmp_path, {**good, "token_env": None}, environment=environment)

        # Git takes a page for the list of refs of an old server, in which there is none.
        server.faults = dict.fromkeys(range(99), "html")
        with pytest.raises(SourceError, match=r"has no HEAD; .* or its url if a page .* answers"):
            sync(tmp_path, good, environment=environment)
    assert len(placed(tmp_path)) == 2
    commands = shown.read_text()
    assert "fetch" in commands
    assert TOKEN not in commands
    assert "Basic" not in commands


def test_a_remote_without_end_is_left(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    one, environment = {"url": "git@example.com:a/b.git"}, {"GIT_SSH": str(slow)}
    with pytest.raises(SourceError, match="raise timeout_seconds"):
        sync(tmp_path, one, environment=environment, timeout_seconds=0.3)
