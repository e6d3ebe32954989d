from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from trainshed.system import process
from trainshed.system.exits import ExitWatcher

if TYPE_CHECKING:
    Child = subprocess.Popen[bytes]

WAITS = [sys.executable, "-S", "-c", "import sys; print('up', flush=True); sys.stdin.read()"]


@pytest.fixture
def child() -> Iterator[Child]:
    made = subprocess.Popen(WAITS, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert made.stdout is not None
    assert made.stdout.readline() == b"up\n"
    yield made
    made.kill()
    made.communicate()


def test_identity(child: Child) -> None:
    who = process.identity(child.pid)
    assert who is not None
    assert process.alive(who)
    assert not process.alive({**who, "start": "1"})
    assert not process.alive({**who, "boot": "another"})
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive(who), "a zombie is not alive"
    child.wait()
    assert process.identity(child.pid) is None


def test_family_finds_children_and_marked_strangers() -> None:
    script = "import os,sys; os.setsid(); print('up', flush=True); sys.stdin.read()"
    marked = {**os.environ, "TRAINSHED_TEST_MARK": "m1"}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=marked, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        assert process.family(None, "TRAINSHED_TEST_MARK=m1") == {stranger.pid}
        assert stranger.pid in process.family(os.getpid())
        assert process.family(None, "TRAINSHED_TEST_MARK=m") == set()


def test_end_kills_what_ignores_term() -> None:
    script = "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    stubborn = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    stubborn.stdout.readline()

    def left() -> set[int]:
        return {stubborn.pid} if stubborn.poll() is None else set()

    assert process.end(left, 0.1, time.sleep) == 1
    assert stubborn.returncode == -signal.SIGKILL
    stubborn.stdout.close()


@pytest.mark.parametrize("python_has_the_call", [True, False])
def test_exits_are_told_once(child: Child, monkeypatch: pytest.MonkeyPatch, python_has_the_call: bool) -> None:
    if not python_has_the_call:
        monkeypatch.delattr("os.pidfd_open", raising=False)
    told: list[str] = []
    event = threading.Event()

    def tell(token: str) -> None:
        told.append(token)
        event.set()

    watcher = ExitWatcher(tell)
    watcher.watch({"pid": child.pid}, "run")
    child.kill()
    assert event.wait(10)
    watcher.watch({"pid": child.pid, "start": "0", "boot": "another"}, "stale")
    watcher.close()
    child.wait()
    assert told == ["run", "stale"]


def test_exit_of_a_process_that_is_gone_is_told_at_once() -> None:
    done = subprocess.Popen([sys.executable, "-S", "-c", ""])
    done.wait()
    told: list[str] = []
    watcher = ExitWatcher(told.append)
    watcher.watch({"pid": done.pid, "start": "1", "boot": "x"}, "gone")
    watcher.close()
    assert told == ["gone"]
