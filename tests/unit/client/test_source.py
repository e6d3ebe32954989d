from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from trainshed.client import source as module
from trainshed.client.index import index_path
from trainshed.client.source import Source, take
from trainshed.errors import SnapshotException


def by_path(source: Source) -> dict[str, dict[str, Any]]:
    return {entry["path"]: entry for entry in source.entries()}


def settle(folder: Path) -> None:
    """Make all files look as if they had been written long before they are looked at."""
    for path in folder.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)


@pytest.fixture
def index(tmp_path: Path) -> str:
    return str(tmp_path / "index" / "one.json")


def age(index: str) -> None:
    """Let the last look have been later than it was: what changed before it is settled then."""
    said = json.loads(Path(index).read_text())
    Path(index).write_text(json.dumps({**said, "time": said["time"] + 60_000_000_000}))


def test_files_links_and_empty_folders_are_recorded(project: Path) -> None:
    (project / "train.py").write_text("print(1)")
    (project / "pkg").mkdir()
    (project / "pkg" / "run.sh").write_text("#!/bin/sh")
    (project / "pkg" / "run.sh").chmod(0o755)
    (project / "empty").mkdir()
    (project / "link.py").symlink_to("train.py")
    (project / "absolute").symlink_to(project / "pkg")
    found = by_path(take(str(project)))
    sha = hashlib.sha256(b"print(1)").hexdigest()
    assert found["train.py"] == {"path": "train.py", "kind": "file", "sha256": sha, "size": 8, "mode": 0o644}
    assert found["pkg/run.sh"]["mode"] == 0o755
    assert found["empty"] == {"path": "empty", "kind": "dir"}
    assert found["link.py"] == {"path": "link.py", "kind": "link", "target": "train.py"}
    assert found["absolute"]["target"] == "pkg"
    assert set(found) == {"train.py", "pkg/run.sh", "empty", "link.py", "absolute"}


def test_a_link_that_leads_outside_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (project / "data").symlink_to("../secret")
    with pytest.raises(SnapshotException, match=r"'data' is a link to '../secret', outside"):
        take(str(project))
    (project / ".amlignore").write_text("/data\n")
    assert set(by_path(take(str(project)))) == {".amlignore"}


def test_a_link_to_a_neighbour_of_a_similar_name_is_refused(project: Path) -> None:
    neighbour = project.with_name(f"{project.name}-private")
    neighbour.mkdir()
    (neighbour / "key").write_text("x")
    (project / "key").symlink_to(neighbour / "key")
    with pytest.raises(SnapshotException, match="outside the source folder"):
        take(str(project))


def test_a_chain_of_links_that_leads_outside_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (project / "in").mkdir()
    (project / "in" / "up").symlink_to("../..")
    with pytest.raises(SnapshotException, match="in/up"):
        take(str(project))


def test_what_is_no_file_is_left_out_and_told(project: Path) -> None:
    os.mkfifo(project / "pipe")
    (project / "a.py").write_text("")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(project)  # a socket's name may have only 100 characters
        listener.bind("sock")
        os.chdir(here)
        source = take(str(project))
    assert sorted(source.skipped) == ["pipe", "sock"]
    assert set(by_path(source)) == {"a.py"}


def test_nothing_changed_means_nothing_is_read(project: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (project / f"{number}.py").write_text(str(number))
    take(str(project), index).remember("snapshot-1")
    age(index)
    monkeypatch.setattr(module, "_hashed", lambda *_: pytest.fail("a file was read"))
    again = take(str(project), index)
    assert again.known == "snapshot-1"
    assert again.changed == []
    assert len(again.entries()) == 20


@pytest.mark.parametrize("change", ["content", "new", "gone", "mode", "link", "folder"])
def test_every_change_is_seen(project: Path, index: str, change: str) -> None:
    (project / "a.py").write_text("a")
    (project / "b.py").write_text("b")
    take(str(project), index).remember("snapshot-1")
    age(index)
    if change == "content":
        (project / "a.py").write_text("A")
    elif change == "new":
        (project / "c.py").write_text("c")
    elif change == "gone":
        (project / "b.py").unlink()
    elif change == "mode":
        (project / "a.py").chmod(0o755)
    elif change == "link":
        (project / "l").symlink_to("a.py")
    else:
        (project / "f").mkdir()
    assert take(str(project), index).known is None


def test_a_file_changed_within_the_same_tick_is_read_again(project: Path, index: str) -> None:
    path = project / "a.py"
    path.write_text("one")
    first = take(str(project), index)
    first.remember("snapshot-1")
    # A change that leaves size and times as they were: the index must not be believed so soon after the write.
    said = json.loads(Path(index).read_text())
    said["files"]["a.py"][5] = hashlib.sha256(b"two").hexdigest()
    Path(index).write_text(json.dumps(said))
    again = take(str(project), index)
    assert again.known is None
    assert by_path(again)["a.py"]["sha256"] == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 99, "folder": "x"}'])
def test_a_damaged_index_is_made_again(project: Path, index: str, damage: bytes) -> None:
    (project / "a.py").write_text("a")
    take(str(project), index).remember("snapshot-1")
    Path(index).write_bytes(damage)
    source = take(str(project), index)
    assert source.known is None
    assert set(by_path(source)) == {"a.py"}


def test_the_index_of_another_folder_is_not_used(project: Path, index: str, tmp_path: Path) -> None:
    (project / "a.py").write_text("a")
    take(str(project), index).remember("snapshot-1")
    other = tmp_path / "other"
    project.rename(other)
    assert take(str(other), index).known is None


def test_an_index_that_cannot_be_written_costs_only_speed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    monkeypatch.setenv("TRAINSHED_HOME", str(tmp_path / "blocked"))
    source = take(str(project), index_path("http://127.0.0.1:1", str(project)))
    source.remember("snapshot-1")


def test_too_much_is_refused_with_the_biggest_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_MAX_SIZE_BYTES", 1000)
    (project / "data").mkdir()
    for number in range(3):
        (project / "data" / f"{number}.bin").write_bytes(b"x" * 400)
    (project / "small.py").write_text("x")
    with pytest.raises(SnapshotException, match=r"Biggest: data/ .*AML_SNAPSHOT_MAX_SIZE"):
        take(str(project))
    monkeypatch.setenv("AML_SNAPSHOT_MAX_SIZE", "2000")
    assert take(str(project)).size == 1201
    monkeypatch.setenv("AML_SNAPSHOT_MAX_SIZE", "2 GB")
    with pytest.raises(SnapshotException, match="number of bytes"):
        take(str(project))


def test_too_many_new_files_are_refused_but_not_too_many_old_ones(
    project: Path, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_MAX_FILES", 5)
    (project / "many").mkdir()
    for number in range(6):
        (project / "many" / f"{number}").write_text(str(number))
    with pytest.raises(
        SnapshotException, match=r"6 new or changed files.*many/ \(6 files\).*AML_SNAPSHOT_NO_FILE_LIMIT"
    ):
        take(str(project), index)
    monkeypatch.setenv("AML_SNAPSHOT_NO_FILE_LIMIT", "1")
    take(str(project), index).remember("snapshot-1")
    monkeypatch.delenv("AML_SNAPSHOT_NO_FILE_LIMIT")
    (project / "one-more").write_text("x")
    assert take(str(project), index).changed == ["one-more"]


def test_a_file_that_keeps_changing_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project / "log.txt"
    path.write_text("x")
    real = os.fstat

    def grown(fd: int) -> os.stat_result:
        facts = real(fd)
        with path.open("a") as file:
            file.write("x")
        return facts

    monkeypatch.setattr("os.fstat", grown)
    with pytest.raises(SnapshotException, match=r"'log.txt' is being written to"):
        take(str(project))


def test_a_name_that_is_no_text_is_refused(project: Path) -> None:
    Path(os.fsdecode(os.fsencode(project) + b"/bad\xff.py")).write_text("x")
    with pytest.raises(SnapshotException, match="not UTF-8"):
        take(str(project))


def test_the_whole_content_is_framed_once_per_hash(project: Path) -> None:
    (project / "a").write_text("same")
    (project / "b").write_text("same")
    (project / "c").write_text("other")
    source = take(str(project))
    shas = sorted({entry["sha256"] for entry in source.entries()})
    pieces, total = source.pack(shas)
    pack = b"".join(pieces())
    assert len(pack) == total == 2 * 40 + len("same") + len("other")
    first = 4 if shas[0] == hashlib.sha256(b"same").hexdigest() else 5
    assert pack[:32].hex() == shas[0]
    assert pack[32:40] == first.to_bytes(8, "big")
    assert {pack[40 : 40 + first], pack[80 + first :]} == {b"same", b"other"}


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_environments_stay_at_home(project: Path, mark: str) -> None:
    (project / "train.py").write_text("")
    for name in ("venv", "deep/er/env", "mine"):
        (project / name / mark).parent.mkdir(parents=True)
        (project / name / mark).write_text("")
        (project / name / "python").symlink_to("/usr/bin/env")
    (project / "mine" / "python").unlink()
    (project / ".amlignore").write_text("!/mine\n")
    source = take(str(project))
    assert set(by_path(source)) == {".amlignore", "train.py", f"mine/{mark}"}
    assert sorted(source.environments) == ["deep/er/env", "venv"]


def test_a_source_folder_may_itself_be_an_environment(project: Path) -> None:
    (project / "pyvenv.cfg").write_text("")
    assert set(by_path(take(str(project)))) == {"pyvenv.cfg"}


SECRETS = (
    ".env",
    ".env.local",
    "id_rsa",
    "deep/id_ed25519",
    ".netrc",
    ".pypirc",
    "credentials.json",
    "key.pem",
    "a.key",
)


def with_secrets(project: Path) -> None:
    (project / "deep").mkdir()
    for folder in (".aws", ".ssh"):
        (project / folder).mkdir()
        (project / folder / "config").write_text("hunter2")
    for name in SECRETS:
        (project / name).write_text("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n")
    (project / "linked").symlink_to("train.py")
    for name in ("train.py", "id_rsa.pub", ".env.example", "environment.py", "credentials.py"):
        (project / name).write_text("ordinary")
    for name in ("certificate.pem", "public.key"):
        (project / name).write_text("-----BEGIN CERTIFICATE-----\nhunter2\n")


def test_what_usually_holds_secrets_is_left_out_and_told(project: Path) -> None:
    with_secrets(project)
    source = take(str(project))
    assert set(by_path(source)) == {
        *("train.py", "linked", "id_rsa.pub", ".env.example", "environment.py", "credentials.py"),
        *("certificate.pem", "public.key", "deep"),
    }
    assert set(source.secrets) == {*SECRETS, ".aws", ".ssh"}
    assert source.secrets_note == (
        "Excluded from the snapshot, because they usually hold secrets: .aws, .env, .env.local, .netrc, .pypirc, .ssh, "
        "a.key, credentials.json, deep/id_ed25519, id_rsa, key.pem. "
        "To include one, add a line such as '!/.aws' to .amlignore."
    )


@pytest.mark.parametrize("file", [".amlignore", ".gitignore"])
def test_a_line_includes_what_usually_holds_secrets(project: Path, file: str) -> None:
    with_secrets(project)
    (project / file).write_text("!.env\n!/.aws\nid_*\n")
    source = take(str(project))
    assert {".env", ".aws/config"} <= set(by_path(source))
    assert {".env", ".aws", "id_rsa", "deep/id_ed25519"}.isdisjoint(source.secrets)
    assert source.secrets_note.endswith(f"to {file}.")


def test_nothing_is_told_where_there_are_no_secrets(project: Path) -> None:
    (project / "train.py").write_text("ordinary")
    assert take(str(project)).secrets_note == ""


def test_ordinary_files_are_not_looked_into(project: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "train.py").write_text("ordinary")
    settle(project)
    take(str(project), index).remember("id")
    age(index)
    monkeypatch.setattr(os, "open", None)
    assert take(str(project), index).known == "id"
