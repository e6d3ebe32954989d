"""However a run ends, its state says so truly, with the reason, the log's tail, and nothing left running."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from box import Box, gone

from trainshed.errors import RunConfigurationException

LEAVES_CHILDREN = """
import os, subprocess, sys, time
def daemon():
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.waitpid(child, 0)
daemon()
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sleep", "600"], start_new_session=True)
print("up", flush=True)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
FOREVER = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"


def test_exit_code_and_tail(box: Box) -> None:
    record = box.wait(box.submit("print('last words'); raise SystemExit(7)"))
    error = record["details"]["error"]
    assert (record["status"], record["reason"], error["exit_code"], error["phase"]) == ("Failed", "exit", 7, "Running")
    assert error["log_tail"] == "last words"
    assert "exit code 7" in error["message"]


GREEDY = """
import os
with open(os.path.join(%r, "cgroup.procs"), "w") as file:
    file.write(str(os.getpid()))
print("up", flush=True)
hoard = [bytearray(os.urandom(1 << 20)) for _ in range(4096)]
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group whose processes have 64 MB together."""
    for root, limit in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        made = Path(root) / f"trainshed-test-{os.getpid()}"
        try:
            made.mkdir()
        except OSError:
            continue
        if (made / limit).exists():
            (made / limit).write_text(str(64 << 20))
            yield made
            made.rmdir()
            return
        made.rmdir()
    pytest.skip("memory cannot be limited here (that takes root and a control group of memory)")


def test_memory_used_up_is_told_from_a_signal(box: Box, group: Path) -> None:
    record = box.wait(box.submit(GREEDY % str(group)))
    assert (record["status"], record["reason"]) == ("Failed", "oom")
    error = record["details"]["error"]
    assert error["signal"] == signal.SIGKILL
    assert "ran out of memory" in error["message"]


def test_signal(box: Box) -> None:
    record = box.wait(box.submit("import os; os.kill(os.getpid(), 9)"))
    error = record["details"]["error"]
    assert (record["status"], record["reason"], error["signal"]) == ("Failed", "signal", 9)
    assert "SIGKILL" in error["message"]


@pytest.mark.parametrize("stubborn", ["", STUBBORN])
def test_cancel_ends_the_whole_tree(box: Box, stubborn: str) -> None:
    run_id = box.submit(stubborn + LEAVES_CHILDREN + FOREVER, grace_seconds=1.0)
    box.log_until(run_id, "up")
    assert len(box.alive(run_id)) >= 4
    box.service.call("POST", f"/runs/{run_id}/cancel")
    record = box.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user")
    assert box.alive(run_id) == set()


def test_children_left_by_a_script_that_ended_are_ended(box: Box) -> None:
    run_id = box.submit(LEAVES_CHILDREN)
    record = box.wait(run_id)
    assert record["status"] == "Completed"
    assert record["details"]["exit"]["leftovers"] >= 3
    assert box.alive(run_id) == set()


def test_cancel_of_a_queued_run_never_starts_it(box: Box, tmp_path: Path) -> None:
    box.service.call("PUT", "/targets/local", {"slots": 1})
    first = box.submit(FOREVER)
    second = box.submit(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert box.service.call("POST", f"/runs/{second}/cancel")["status"] == "Canceled"
    box.service.call("POST", f"/runs/{first}/cancel")
    box.wait(first)
    assert not (tmp_path / "ran").exists()
    assert not (box.root / "runs" / second).exists()


def test_cancel_survives_the_death_of_the_service(box: Box) -> None:
    run_id = box.submit(STUBBORN + FOREVER, grace_seconds=1.0)
    box.log_until(run_id, "up")
    box.service.call("POST", f"/runs/{run_id}/cancel")
    box.kill_service()
    assert box.wait(run_id)["status"] == "Canceled"


def test_cancel_against_natural_end_is_told_once(box: Box) -> None:
    for _ in range(10):
        run_id = box.submit("print('x')")
        box.service.call("POST", f"/runs/{run_id}/cancel")
        status = box.wait(run_id)["status"]
        assert status in ("Canceled", "Completed")
        assert box.service.call("GET", f"/runs/{run_id}")["status"] == status


def test_time_limit(box: Box) -> None:
    record = box.wait(box.submit(FOREVER, max_run_duration_seconds=1))
    assert (record["status"], record["reason"]) == ("Failed", "time_limit")
    assert "max_run_duration_seconds" in record["details"]["error"]["message"]


def test_shim_killed(box: Box) -> None:
    run_id = box.submit(LEAVES_CHILDREN + FOREVER)
    box.log_until(run_id, "up")
    os.kill(box.shim(run_id)["pid"], signal.SIGKILL)
    record = box.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "shim_lost")
    assert box.alive(run_id) == set()


def test_shim_killed_while_the_service_was_away(box: Box) -> None:
    run_id = box.submit(FOREVER)
    box.log_until(run_id, "up")
    shim = box.shim(run_id)["pid"]
    fd = os.pidfd_open(shim)
    box.kill_service()
    os.kill(shim, signal.SIGKILL)
    gone(fd)
    assert box.wait(run_id)["reason"] == "shim_lost"
    assert box.alive(run_id) == set()


def test_killed_script_keeps_all_its_metrics(box: Box) -> None:
    script = (
        "import os\nfrom trainshed import Run\nrun = Run.get_context()\n"
        "for i in range(1000): run.log('loss', i / 7)\nos.kill(os.getpid(), 9)\n"
    )
    run_id = box.submit(script)
    assert box.wait(run_id)["reason"] == "signal"
    assert box.service.call("GET", f"/runs/{run_id}/metrics")["metrics"]["loss"] == [i / 7 for i in range(1000)]


def test_log_bytes_are_kept_exactly(box: Box) -> None:
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000 + b'\\rno newline')"
    run_id = box.submit(script)
    assert box.wait(run_id)["status"] == "Completed"
    read = b"".join(box.service.stream("GET", f"/runs/{run_id}/files/user_logs/std_log.txt"))
    assert read == bytes(range(256)) * 1000 + b"\rno newline"


def test_priorities(box: Box, tmp_path: Path) -> None:
    box.service.call("PUT", "/targets/local", {"slots": 1})
    first = box.submit(FOREVER)
    order = tmp_path / "order"
    runs = [
        box.submit(f"open({str(order)!r}, 'a').write('{priority} ')", priority=priority) for priority in (0, 5, 1, 5)
    ]
    box.service.call("POST", f"/runs/{first}/cancel")
    for run in runs:
        box.wait(run)
    assert order.read_text() == "5 5 1 0 "


def test_slots_bound_what_runs_at_once(box: Box) -> None:
    box.service.call("PUT", "/targets/local", {"slots": 2})
    runs = [box.submit(FOREVER) for _ in range(4)]
    for run in runs[:2]:
        box.log_until(run, "up")
    assert [box.service.call("GET", f"/runs/{run}")["status"] for run in runs[2:]] == ["Queued", "Queued"]
    for run in runs:
        box.service.call("POST", f"/runs/{run}/cancel")


def test_interpreter_that_is_not_there(box: Box) -> None:
    record = box.wait(box.submit("", environment={"kind": "existing", "interpreter": "/no/such/python"}))
    assert record["status"] == "Failed"
    assert "/no/such/python" in record["details"]["error"]["message"]


def test_a_launcher_that_does_not_exist_is_refused_before_anything_starts(box: Box) -> None:
    with pytest.raises(RunConfigurationException, match=r"no launcher 'opnmpi'.* Did you mean 'openmpi'\?"):
        box.submit("pass", launcher="opnmpi", process_count_per_node=2)
    assert not box.service.call("GET", "/runs", query={"limit": 1})["runs"]
