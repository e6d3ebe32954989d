from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from trainshed.environments.cache import CacheEntry, key_of, listed, prune, sweep


def _make(prefix: Path, lock: int) -> dict[str, Any]:
    assert not prefix.exists(), "what a killed build left has been removed"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").touch()
    return {"resolved": []}


def _never(prefix: Path, lock: int) -> dict[str, Any]:
    raise AssertionError("built twice")


class Log(io.BytesIO):
    """Knows when a line has been written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: bytes) -> int:  # type: ignore[override]
        self.written.set()
        return super().write(text)


def test_key_depends_on_everything_and_nothing_else() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_failed_build_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def fail(prefix: Path, lock: int) -> dict[str, Any]:
        prefix.mkdir(parents=True)
        (prefix / "half").touch()
        raise KeyError

    entry = CacheEntry(tmp_path, "k")
    with pytest.raises(KeyError):
        entry.build(io.BytesIO(), fail)
    assert [path.suffix for path in (tmp_path / "environments").iterdir() if path.is_dir()] == []
    entry.build(io.BytesIO(), _make)
    assert CacheEntry(tmp_path, "k").found() is not None


def test_what_killed_builds_left_is_removed_by_the_next_build_of_any(tmp_path: Path) -> None:
    folder = tmp_path / "environments"
    for rest in ("k", "other", ".removed-third-1"):
        (folder / rest).mkdir(parents=True)
        (folder / rest / "half").touch()
    assert CacheEntry(tmp_path, "other").found() is None
    CacheEntry(tmp_path, "k").build(io.BytesIO(), _make)
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["k"]


def test_a_build_that_goes_on_is_no_leftover(tmp_path: Path) -> None:
    def make(prefix: Path, lock: int) -> dict[str, Any]:
        made = _make(prefix, lock)
        sweep(prefix.parent)
        assert prefix.is_dir()
        return made

    CacheEntry(tmp_path, "k").build(io.BytesIO(), make)


def test_who_waits_for_a_build_does_not_wait_for_the_builders_run(tmp_path: Path) -> None:
    waiting = Log()
    go_on = threading.Event()
    building = threading.Event()

    def slowly(prefix: Path, lock: int) -> dict[str, Any]:
        building.set()
        assert go_on.wait(30)
        return _make(prefix, lock)

    first, second = CacheEntry(tmp_path, "k"), CacheEntry(tmp_path, "k")
    builder = threading.Thread(target=first.build, args=(io.BytesIO(), slowly))
    builder.start()
    assert building.wait(30)
    waiter = threading.Thread(target=second.build, args=(waiting, _never))
    waiter.start()
    assert waiting.written.wait(30)
    go_on.set()
    builder.join(30)
    waiter.join(30)
    assert not waiter.is_alive(), "the first still holds the environment for its run"
    assert waiting.getvalue() == b"Waiting for another run that is building the same environment.\n"
    assert not CacheEntry(tmp_path, "k").remove()
    first.release()
    assert not CacheEntry(tmp_path, "k").remove()
    second.release()
    assert CacheEntry(tmp_path, "k").remove()


def test_a_lock_that_was_removed_meanwhile_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    path = tmp_path / "environments" / "k.lock"
    held = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    log = Log()
    inode = []

    def make(prefix: Path, lock: int) -> dict[str, Any]:
        inode.append(os.fstat(lock).st_ino == os.stat(path).st_ino)
        return _make(prefix, lock)

    waiter = threading.Thread(target=CacheEntry(tmp_path, "k").build, args=(log, make))
    waiter.start()
    assert log.written.wait(30)
    path.unlink()  # as a removal does, which holds it
    os.close(held)
    waiter.join(30)
    assert inode == [True]


def test_environment_whose_python_was_uninstalled_is_built_anew(tmp_path: Path) -> None:
    entry = CacheEntry(tmp_path, "k")
    entry.build(io.BytesIO(), _make)
    python = entry.prefix / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    again = CacheEntry(tmp_path, "k")
    assert again.found() is None
    again.build(io.BytesIO(), _make)
    assert again.found() is not None


BUILD = """
import sys
from pathlib import Path
from trainshed.environments.cache import CacheEntry
from trainshed.environments.commands import BuildContext

def make(prefix, lock):
    context = BuildContext(sys.argv[1], open(1, "wb", buffering=0), lock)
    context.run(["/bin/sh", "-c", 'echo started; read line < "$0"', sys.argv[2]], {})

CacheEntry(Path(sys.argv[1]), "k").build(sys.stderr.buffer, make)
"""


def test_lock_outlives_a_killed_builder_until_its_programs_have_ended(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [sys.executable, "-c", BUILD, str(tmp_path), str(fifo)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == b"started\n"
        builder.kill()
    orphan = os.open(fifo, os.O_WRONLY)
    log = Log()
    waiter = threading.Thread(target=CacheEntry(tmp_path, "k").build, args=(log, _make))
    waiter.start()
    assert log.written.wait(30), "the program it started is still at work in the folder"
    os.write(orphan, b"\n")
    os.close(orphan)
    waiter.join(30)
    assert not waiter.is_alive()


def test_prune_spares_what_is_held_and_what_is_to_be_kept(tmp_path: Path) -> None:
    entries = {key: CacheEntry(tmp_path, key) for key in ("held", "free", "last")}
    for entry in entries.values():
        entry.build(io.BytesIO(), _make)
    for age, key in enumerate(("last", "free", "held")):
        os.utime(f"{entries[key].prefix}.use", (1e9 - age, 1e9 - age))
        if key != "held":
            entries[key].release()
    assert [one["key"] for one in listed(tmp_path)] == ["last", "free", "held"]
    assert prune(tmp_path, unused_days=1e6) == []
    assert prune(tmp_path, unused_days=1, keep=1) == ["free"]
    assert prune(tmp_path, unused_days=1) == ["last"]
    assert [one["key"] for one in listed(tmp_path)] == ["held"]
    assert entries["held"].found() is not None
    assert sorted(path.name for path in (tmp_path / "environments").iterdir()) == ["held", "held.lock", "held.use"]


def test_use_is_remembered(tmp_path: Path) -> None:
    entry = CacheEntry(tmp_path, "k")
    entry.build(io.BytesIO(), _make)
    os.utime(f"{entry.prefix}.use", (1, 1))
    assert CacheEntry(tmp_path, "k").found() is not None
    assert listed(tmp_path)[0]["used"] > 1
    assert listed(tmp_path / "nowhere") == []
