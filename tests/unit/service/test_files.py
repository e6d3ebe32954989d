from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from odd_things import KINDS, make

from trainshed.errors import NotFoundException, TrainshedError, UserErrorException
from trainshed.machines.machine import FileFacts
from trainshed.service.mirror import Mirror
from trainshed.system.confined import create_inside, open_inside


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    run = tmp_path / "run1"
    (run / "code" / "outputs" / "deep").mkdir(parents=True)
    (run / "code" / "outputs" / "deep" / "model.bin").write_bytes(b"model")
    (run / "azureml-logs").mkdir()
    (run / "azureml-logs" / "70_driver_log.txt").write_text("log")
    (run / "artifacts" / "plots").mkdir(parents=True)
    (run / "artifacts" / "plots" / "a.png").write_bytes(b"png")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "run10").mkdir()
    (tmp_path / "run10" / "secret").write_text("secret")
    os.symlink(tmp_path / "secret", run / "code" / "outputs" / "link")
    os.symlink(tmp_path, run / "code" / "outputs" / "up")
    os.symlink(".", run / "code" / "outputs" / "loop")
    os.mkfifo(run / "code" / "outputs" / "fifo")
    return run


def test_names_and_hashes(run_dir: Path) -> None:
    mirror = Mirror(run_dir.parent)
    names = [name for name, _ in mirror.listing(run_dir.name)]
    assert sorted(names) == ["azureml-logs/70_driver_log.txt", "outputs/deep/model.bin", "plots/a.png"]
    rows = {row[0]: row for row in mirror.manifest(run_dir.name)[0]}
    assert rows["outputs/deep/model.bin"][1:3] == (
        5,
        "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4",
    )


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "code/../../secret",
        "/etc/passwd",
        "code/outputs/link",
        "code/outputs/up/secret",
        "code/outputs/loop/deep/model.bin",
        "code/outputs/fifo",
        "code/outputs",
        "../run10/secret",
        "code/%2e%2e/%2e%2e/secret",
        "nope",
        "a\0b",
    ],
)
def test_nothing_outside_is_opened(run_dir: Path, path: str) -> None:
    with pytest.raises(TrainshedError):
        open_inside(run_dir, path)


def test_create_never_overwrites_and_leaves_nothing_half(run_dir: Path) -> None:
    with create_inside(run_dir, "artifacts/x/y.bin", overwrite=False) as file:
        file.write(b"1")
    with (
        pytest.raises(UserErrorException, match="already"),
        create_inside(run_dir, "artifacts/x/y.bin", overwrite=False) as file,
    ):
        file.write(b"2")
    with contextlib.suppress(KeyError), create_inside(run_dir, "artifacts/x/z.bin", overwrite=False) as file:
        file.write(b"half")
        raise KeyError
    assert [path.name for path in (run_dir / "artifacts" / "x").iterdir()] == ["y.bin"]
    with open_inside(run_dir, "artifacts/x/y.bin") as file:
        assert file.read() == b"1"


def test_create_does_not_follow_links(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError), create_inside(run_dir, "code/outputs/up/evil", overwrite=True):
        pass
    assert not (tmp_path / "evil").exists()


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundException):
        open_inside(tmp_path, "a/b/c")


PLACES = (
    "code",
    "code/outputs",
    "code/logs",
    "code/outputs/odd",
    "artifacts",
    "azureml-logs",
    "journal.jsonl",
    "phases.jsonl",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_manifest_is_made_of_anything_and_says_what_is_none(tmp_path: Path, kind: str, place: str) -> None:
    mirror = Mirror(tmp_path)
    make(kind, tmp_path / "run1" / place)
    (tmp_path / "run1" / "user_logs").mkdir()
    (tmp_path / "run1" / "user_logs" / "good").write_text("x")
    rows, left = mirror.manifest("run1")
    assert "user_logs/good" in [row[0] for row in rows]
    assert not any(row[1] > 100 for row in rows)
    told = bool(KINDS[kind]) or (kind == "folder" and place.endswith("jsonl"))
    assert bool(left) == (told if place.endswith(("odd", "jsonl")) else kind not in ("folder", "nothing"))
    mirror.clean("run1")
    code = tmp_path / "run1" / "code"
    assert code.is_symlink() or not code.is_dir() or set(os.listdir(code)) <= {"outputs", "logs"}
    assert mirror.tail("run1", place) == mirror.tail("run1", "nothing") or kind in ("half", "another type", "sparse")
    assert len(mirror.read("run1", place, 0, 100)) < 100


def test_only_what_is_in_the_run_is_cleaned(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "precious").write_text("x")
    mirror = Mirror(run_dir.parent)
    (run_dir / "code" / "link").symlink_to(tmp_path / "theirs")
    assert mirror.clean(run_dir.name) == ["code/link"]
    (run_dir / "code").rename(run_dir / "code-moved")
    (run_dir / "code").symlink_to(tmp_path / "theirs")
    assert mirror.clean(run_dir.name) == []
    assert (tmp_path / "theirs" / "precious").exists()


class Elsewhere:
    """A machine with these files of one run."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents

    def files(self, _: str, digests: bool = False) -> list[FileFacts]:
        hashed = [
            (path, data, hashlib.sha256(data).hexdigest() if digests else "") for path, data in self.contents.items()
        ]
        found = [FileFacts(path, len(data), 7, inode, sha) for inode, (path, data, sha) in enumerate(hashed)]
        return [*found, FileFacts("code/outputs/pipe", 0, 0, 0, left_out="a named pipe")] if digests else found

    def read(self, _: str, pieces: list[tuple[str, int, int]]) -> list[bytes]:
        return [self.contents[path][offset : offset + size] for path, offset, size in pieces]

    def appended(self, offsets: dict[str, dict[str, int]]) -> dict[str, dict[str, bytes]]:
        return {
            run: {path: data[known.get(path, 0) :] for path, data in self.contents.items()}
            for run, known in offsets.items()
        }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "place", ["", "code", "code/outputs", "code/outputs/x", "azureml-logs/70_driver_log.txt", "user_logs"]
)
def test_what_is_in_the_way_of_a_fetched_file_gives_way(tmp_path: Path, kind: str, place: str) -> None:
    machine: Any = Elsewhere(
        {"code/outputs/x": b"model", "azureml-logs/70_driver_log.txt": b"log", "journal.jsonl": b"{}"}
    )
    mirror = Mirror(tmp_path)
    make(kind, tmp_path / "run1" / place if place else tmp_path / "run1")
    mirror.follow(machine, ["run1", "run2"])
    assert (tmp_path / "run2" / "journal.jsonl").read_bytes() == b"{}"
    mirror.settle(machine, "run1")
    mirror.settle(machine, "run1")
    mirror.complete(machine, "run1")
    for path, content in machine.contents.items():
        assert mirror.read("run1", path, 0, 10) == content
    rows, left = mirror.manifest("run1")
    assert {"outputs/x", "azureml-logs/70_driver_log.txt"} <= {row[0] for row in rows}
    assert ("outputs/pipe", "a named pipe") in left
