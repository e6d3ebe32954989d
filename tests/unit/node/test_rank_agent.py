"""The program that runs ranks, with real processes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainshed.launchers.plan import Plan, Rank
from trainshed.node import env_forwarder, rank_agent
from trainshed.node.nodes import shares
from trainshed.node.ranks import RankCommand, Ranks


@pytest.fixture
def ranks(tmp_path: Path) -> Iterator[Ranks]:
    for name in ("azureml-logs", "user_logs", "work"):
        (tmp_path / name).mkdir()
    made = Ranks(str(tmp_path))
    yield made
    made.events.close()


def order(ranks: Ranks, tmp_path: Path, *codes: str, waiting: int = 0) -> None:
    """Give each rank a piece of Python to run; the last ``waiting`` ones are servers."""
    plan = Plan(tuple(Rank(f"rank_{n}", 0, {}, awaited=n < len(codes) - waiting) for n in range(len(codes))))
    commands = [
        RankCommand((sys.executable, "-u", "-c", code), str(tmp_path / "work"), {"MINE": "1"}, ()) for code in codes
    ]
    ranks.write(plan, commands, ["node-0"])
    ranks.events.listen()


def run(ranks: Ranks, which: str = "all", **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-S", "-E", rank_agent.__file__, ranks.folder, which],
        env={**os.environ, **variables},
        text=True,
    )


def until(ranks: Ranks, true: Callable[[], bool]) -> None:
    """Take in events as they come, until what they report makes it true."""
    while not true():
        assert select.select([ranks.events._opened], [], [], 30)[0], "no event came"
        ranks.events.read()


def logs(tmp_path: Path, name: str = "70_driver_log.txt") -> str:
    return (tmp_path / "azureml-logs" / name).read_text()


def test_all_are_run_and_each_has_its_own_log(ranks: Ranks, tmp_path: Path) -> None:
    order(ranks, tmp_path, "import os; print('zero', os.environ['MINE'])", "print('one')")
    assert run(ranks).wait(30) == 0
    assert logs(tmp_path, "70_driver_log_0.txt") == "zero 1\n"
    assert (tmp_path / "user_logs" / "std_log_process_1.txt").read_text() == "one\n"
    assert sorted(logs(tmp_path).splitlines()) == ["[rank 0] zero 1", "[rank 1] one"]
    assert [end["exit_code"] for end in ranks.ends()] == [0, 0]
    assert ranks.first_failure() is None
    assert all(os.stat(Path(ranks.folder) / f"{n}.order").st_mode & 0o077 == 0 for n in (0, 1))


def test_a_failure_is_reported_at_once_and_the_first_is_named(ranks: Ranks, tmp_path: Path) -> None:
    order(ranks, tmp_path, "import time; time.sleep(60)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    program = run(ranks)
    until(ranks, lambda: ranks.events.failed)
    assert program.pid in ranks.events.agents
    program.send_signal(signal.SIGTERM)  # which is passed on to the ranks
    assert program.wait(30) == 128 + signal.SIGKILL
    first: Any = ranks.first_failure()
    assert (first["rank"], first["signal"], first["exit_code"]) == (1, signal.SIGKILL, None)
    assert [end["told"] for end in ranks.ends()] == [True, False]


def test_under_mpirun_an_agent_with_a_failed_rank_stays_until_it_is_told(ranks: Ranks, tmp_path: Path) -> None:
    order(ranks, tmp_path, "pass", "raise SystemExit(7)")
    program = run(ranks, "mpi", OMPI_COMM_WORLD_RANK="1")
    until(ranks, lambda: ranks.events.failed)
    assert program.poll() is None
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 7


def test_servers_are_ended_when_the_workers_have_ended(ranks: Ranks, tmp_path: Path) -> None:
    serve = """
import signal, sys
signal.signal(15, lambda *_: (print('served'), sys.exit(0)))
open('up', 'w').close()
signal.pause()
"""
    os.mkfifo(tmp_path / "work" / "up")
    work = "open('up').read()"  # which waits for the server
    order(ranks, tmp_path, work, serve, waiting=1)
    assert run(ranks).wait(60) == 0
    assert "[rank 1] served" in logs(tmp_path)
    assert not ranks.events.failed


@pytest.mark.parametrize(
    ("code", "merged"),
    [
        ("import sys; sys.stdout.write('no end')", ["[rank 0] no end"]),
        ("print('10%\\r20%\\r\\n')", ["[rank 0] 10%", "[rank 0] 20%", "[rank 0] "]),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\n')", ["[rank 0] \ufffd"]),
        ("print('x' * 20000)", ["[rank 0] " + "x" * 20000]),
    ],
)
def test_what_is_printed_is_merged_line_by_line(ranks: Ranks, tmp_path: Path, code: str, merged: list[str]) -> None:
    order(ranks, tmp_path, code)
    assert run(ranks).wait(30) == 0
    text = (tmp_path / "azureml-logs" / "70_driver_log.txt").read_bytes().decode(errors="replace")
    joined = text.replace("\n[rank 0] x", "x") if "x" * 100 in text else text  # a very long line comes in pieces
    assert joined.splitlines() == merged


def test_a_daemon_that_keeps_the_output_open_does_not_hold_the_rank(ranks: Ranks, tmp_path: Path) -> None:
    hold = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid)"
    order(ranks, tmp_path, hold)
    assert run(ranks).wait(30) == 0
    os.kill(int(logs(tmp_path, "70_driver_log_0.txt")), signal.SIGKILL)


def test_a_program_that_is_not_there(ranks: Ranks, tmp_path: Path) -> None:
    order(ranks, tmp_path, "pass")
    path = Path(ranks.folder) / "0.order"
    path.write_bytes(path.read_bytes().replace(os.fsencode(f"argument={sys.executable}"), b"argument=no-such-program"))
    assert run(ranks).wait(30) == 127
    assert "no-such-program cannot be started" in logs(tmp_path)
    assert ranks.ends()[0]["exit_code"] == 127


@pytest.mark.parametrize("nodes", [1, 2, 3, 64])
def test_cores_are_shared_out(nodes: int) -> None:
    mine = shares(nodes)
    assert len(mine) == nodes
    if hasattr(os, "sched_getaffinity"):
        cores = os.sched_getaffinity(0)
        assert set().union(*mine) <= cores
        assert all(mine)
        if nodes <= len(cores):
            assert sum(map(len, mine)) == len(cores)


def order_forwarded(ranks: Ranks, tmp_path: Path, *codes: str) -> None:
    made = Plan(tuple(Rank(f"rank_{n}", 0, {}) for n in range(len(codes))), agent=("agent",))
    commands = [
        RankCommand((sys.executable, "-u", "-c", code), str(tmp_path / "work"), {"MINE": "1"}, ()) for code in codes
    ]
    ranks.write(made, commands, ["node-0"])
    ranks.events.listen()


def forwarder(ranks: Ranks, rank: int) -> subprocess.Popen[str]:
    """Start what mpirun would."""
    forwarded = {"OMPI_COMM_WORLD_RANK": str(rank), "FORWARDED": f"to {rank}", "MINE": "0"}
    return subprocess.Popen(
        [env_forwarder.SHELL, "-c", env_forwarder.FORWARDER, ranks.folder, "2"],
        env={**os.environ, **forwarded},
        text=True,
    )


needs_forwarders = pytest.mark.skipif(not env_forwarder.supported(), reason="this system has no /proc or no shell")


@needs_forwarders
def test_ranks_have_the_environments_that_are_forwarded(ranks: Ranks, tmp_path: Path) -> None:
    say = "import os; print(os.environ['FORWARDED'], os.environ['MINE'])"
    order_forwarded(ranks, tmp_path, say, say)
    program = run(ranks, "forwarded")
    forwarders = [forwarder(ranks, rank) for rank in (1, 0)]
    assert [each.wait(30) for each in forwarders] == [0, 0]
    assert program.wait(30) == 0
    ranks.events.read()
    assert {program.pid, *(each.pid for each in forwarders)} == ranks.events.agents
    assert logs(tmp_path, "70_driver_log_0.txt") == "to 0 1\n"
    assert logs(tmp_path, "70_driver_log_1.txt") == "to 1 1\n"


@needs_forwarders
def test_the_forwarder_of_a_rank_that_failed_stays_until_it_is_told(ranks: Ranks, tmp_path: Path) -> None:
    order_forwarded(ranks, tmp_path, "raise SystemExit(3)", "pass", "pass")
    program = run(ranks, "forwarded")
    forwarders = [forwarder(ranks, rank) for rank in (0, 1)]  # mpirun has not come to start the third
    until(ranks, lambda: ranks.events.failed)
    assert forwarders[1].wait(30) == 0
    assert forwarders[0].poll() is None
    assert program.poll() is None
    for each in (program, forwarders[0]):
        each.send_signal(signal.SIGTERM)
    assert program.wait(30) == 3
    assert forwarders[0].wait(30) == -signal.SIGTERM
    assert [end["exit_code"] for end in ranks.ends()] == [3, 0]


@needs_forwarders
def test_a_forwarder_that_is_gone_starts_nothing(ranks: Ranks, tmp_path: Path) -> None:
    order_forwarded(ranks, tmp_path, "print('up')")
    lost = subprocess.Popen(["true"])
    lost.wait()
    program = run(ranks, "forwarded")
    with open(Path(ranks.folder) / "forwarders-0", "w") as pipe:
        pipe.write(f"0 {lost.pid}\n")
    until(ranks, lambda: program.pid in ranks.events.agents)
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 0
    assert not ranks.ends()
