from __future__ import annotations

import json
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


STARTS_ANOTHER = """
import json, subprocess, sys
from sys import argv, stdin
again = [sys.executable, "-S", "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
with subprocess.Popen(again, env=json.loads(argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    print(child.pid, flush=True)
    stdin.read()
    child.stdin.close()
"""


@pytest.mark.parametrize(
    ("parent", "child", "family"),
    [
        ({}, {}, "parent child"),
        ({"RUN": "r1"}, {}, "parent child"),
        ({"RUN": "r2"}, {}, ""),
        ({"RUN": "r2"}, {"RUN": "r1"}, "child"),
        ({}, {"RUN": "r2"}, "parent"),
        ({"TRAINSHED_SERVES": "/w"}, {}, ""),
        ({"TRAINSHED_SERVES": "/w", "RUN": "r1"}, {}, ""),
        ({"TRAINSHED_SERVES": "/w"}, {"RUN": "r1"}, "child"),
        ({"RUN": "r1"}, {"RUN": "r1", "TRAINSHED_SERVES": "/w"}, "parent"),
    ],
)
def test_a_service_and_other_runs_are_of_no_runs_family(
    parent: dict[str, str], child: dict[str, str], family: str
) -> None:
    argv = [sys.executable, "-S", "-c", STARTS_ANOTHER, json.dumps(child)]
    with subprocess.Popen(argv, env=parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        pids = {"parent": started.pid, "child": int(started.stdout.readline())}
        found = process.family(os.getpid(), "RUN=r1") & set(pids.values())
        assert found == {pids[name] for name in family.split()}
        marked = process.family(None, "RUN=r1") & set(pids.values())
        assert marked == (found if "r1" in [*parent.values(), *child.values()] else set())


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
