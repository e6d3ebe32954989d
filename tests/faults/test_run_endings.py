"""However a run ends, its state says so truly, with the reason, the log's tail, and nothing left running."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_fixture import ServiceFixture, gone

from trainshed.errors import RunConfigurationException, TrainshedError
from trainshed.spec.sweep import SweepSpec
from trainshed.system import process

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


def test_exit_code_and_tail(fixture: ServiceFixture) -> None:
    record = fixture.wait(fixture.submit("print('last words'); raise SystemExit(7)"))
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


def test_memory_used_up_is_told_from_a_signal(fixture: ServiceFixture, group: Path) -> None:
    record = fixture.wait(fixture.submit(GREEDY % str(group)))
    assert (record["status"], record["reason"]) == ("Failed", "oom")
    error = record["details"]["error"]
    assert error["signal"] == signal.SIGKILL
    assert "ran out of memory" in error["message"]


FAILS_FROM_OUTSIDE = """
import os, signal, sys
from trainshed import Run
run, own = Run.get_context().id, sys.argv[-1]
if "_attempt_" in run:
    sys.exit(3 if own == "3" else 0)
if own == "2":
    os.kill(os.getppid(), signal.SIGTERM)  # as the system does that shuts down
    signal.pause()
exec(GREEDY)
"""


def test_a_trial_that_failed_from_outside_is_repeated(fixture: ServiceFixture, group: Path) -> None:
    """The first wants for memory, and the second loses its machine, once; the third fails by itself the second time."""
    space = '{"--way": ["choice", [["0", "2", "3"]]]}'
    sweep = SweepSpec("grid", space, "none", True, 3, 1, max_retries=2)
    run_id = fixture.submit(f"GREEDY = {GREEDY % str(group)!r}\n{FAILS_FROM_OUTSIDE}", sweep)
    fixture.wait(run_id)
    trials = fixture.service.call("GET", f"/runs/{run_id}/sweep")["trials"]
    assert [(trial["status"], trial["attempt"]) for trial in trials] == [
        ("Completed", 2), ("Completed", 2), ("Failed", 2)
    ]  # fmt: skip
    reasons = [fixture.service.call("GET", f"/runs/{run_id}_{number}")["reason"] for number in range(3)]
    assert reasons == ["oom", "host_lost", "oom"]


CHILD_IS_GREEDY = """
import os, sys
child = os.fork()
if child == 0:
    exec(GREEDY)
os.waitpid(child, 0)
sys.exit(CODE)
"""


@pytest.mark.parametrize(
    ("code", "status", "reason"), [(0, "Completed", "exit"), (3, "Failed", "exit"), (137, "Failed", "oom_child")]
)
def test_memory_used_up_in_a_child_is_told(
    fixture: ServiceFixture, group: Path, code: int, status: str, reason: str
) -> None:
    record = fixture.wait(fixture.submit(f"GREEDY, CODE = {GREEDY % str(group)!r}, {code}\n{CHILD_IS_GREEDY}"))
    assert (record["status"], record["reason"]) == (status, reason)
    assert "for lack of memory" in "".join(warning["message"] for warning in record["details"]["warnings"])
    assert code == 0 or "for lack of memory" in record["details"]["error"]["message"]


def test_signal(fixture: ServiceFixture) -> None:
    record = fixture.wait(fixture.submit("import os; os.kill(os.getpid(), 9)"))
    error = record["details"]["error"]
    assert (record["status"], record["reason"], error["signal"]) == ("Failed", "signal", 9)
    assert "SIGKILL" in error["message"]


@pytest.mark.parametrize("stubborn", ["", STUBBORN])
def test_cancel_ends_the_whole_tree(fixture: ServiceFixture, stubborn: str) -> None:
    run_id = fixture.submit(stubborn + LEAVES_CHILDREN + FOREVER, grace_seconds=1.0)
    fixture.log_until(run_id, "up")
    assert len(fixture.alive(run_id)) >= 4
    fixture.service.call("POST", f"/runs/{run_id}/cancel")
    record = fixture.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user")
    assert fixture.alive(run_id) == set()


def test_children_left_by_a_script_that_ended_are_ended(fixture: ServiceFixture) -> None:
    run_id = fixture.submit(LEAVES_CHILDREN)
    record = fixture.wait(run_id)
    assert record["status"] == "Completed"
    assert record["details"]["exit"]["leftovers"] >= 3
    assert fixture.alive(run_id) == set()


STARTS_A_SERVICE = """
import os, subprocess, sys
clean = {"PATH": os.environ["PATH"], "TRAINSHED_SERVES": "/some/workspace"}
service = subprocess.Popen(["cat", sys.argv[1]], env=clean, start_new_session=True)
run = subprocess.Popen(["cat", sys.argv[1]], env={**os.environ, "TRAINSHED_RUN_ID": "another"})
kin = subprocess.Popen(["cat", sys.argv[1]], env={"PATH": os.environ["PATH"]}, start_new_session=True)
print(os.environ.get("TRAINSHED_SERVES"), service.pid, run.pid, kin.pid, flush=True)
"""


@pytest.mark.parametrize("end", ["", FOREVER])
def test_a_service_that_a_script_brought_back_and_other_runs_go_on(
    fixture: ServiceFixture, tmp_path: Path, end: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)  # they go on until it is closed
    run_id = fixture.submit(STARTS_A_SERVICE + end, arguments=[str(tmp_path / "fifo")])
    first, *pids = fixture.log_until(run_id, "\n").split()[:4]
    service, run, kin = [process.identity(int(pid)) for pid in pids]
    if end:
        fixture.service.call("POST", f"/runs/{run_id}/cancel")
    assert fixture.wait(run_id)["status"] == ("Canceled" if end else "Completed")
    assert service is not None
    assert run is not None
    lives = [process.alive(service), process.alive(run), process.alive(kin or {})]
    os.close(writer)
    assert (first, lives) == ("None", [True, True, False])


@pytest.mark.parametrize(
    ("service", "target", "run", "seconds"),
    [
        (None, None, None, 30.0),
        ("7", None, None, 7.0),
        ("7", 0.5, None, 0.5),
        ("0", None, None, 0.0),
        ("7", 0, None, 0.0),
        ("7", 5, 0.0, 0.0),
    ],
)
def test_the_grace_is_the_runs_the_targets_or_the_services(
    fixture: ServiceFixture,
    monkeypatch: pytest.MonkeyPatch,
    service: str | None,
    target: float | None,
    run: float | None,
    seconds: float,
) -> None:
    if service is not None:
        monkeypatch.setenv("TRAINSHED_GRACE_SECONDS", service)
        fixture.kill_service()
    if target is not None:
        fixture.service.call("PUT", "/targets/local", {"grace_seconds": target})
    run_id = fixture.submit((STUBBORN if seconds < 1 else "") + FOREVER, grace_seconds=run)
    fixture.log_until(run_id, "up")
    assert json.loads((fixture.root / "runs" / run_id / "spec.json").read_text())["spec"]["grace_seconds"] == seconds
    fixture.service.call("POST", f"/runs/{run_id}/cancel")
    assert fixture.wait(run_id)["status"] == "Canceled"


@pytest.mark.parametrize("seconds", [-1, 3601, "x", True])
def test_a_grace_that_cannot_be_is_refused(fixture: ServiceFixture, seconds: object) -> None:
    with pytest.raises(TrainshedError, match=r"grace_seconds is .*; it must be a number of seconds from 0 to 3600"):
        fixture.service.call("PUT", "/targets/local", {"grace_seconds": seconds})


def test_a_grace_of_the_service_that_cannot_be_fails_the_run_with_its_name(
    fixture: ServiceFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_GRACE_SECONDS", "a while")
    fixture.kill_service()
    record = fixture.wait(fixture.submit("pass", grace_seconds=None))
    assert record["status"] == "Failed"
    assert "TRAINSHED_GRACE_SECONDS is 'a while'" in record["details"]["error"]["message"]


def test_cancel_of_a_queued_run_never_starts_it(fixture: ServiceFixture, tmp_path: Path) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 1})
    first = fixture.submit(FOREVER)
    second = fixture.submit(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert fixture.service.call("POST", f"/runs/{second}/cancel")["status"] == "Canceled"
    fixture.service.call("POST", f"/runs/{first}/cancel")
    fixture.wait(first)
    assert not (tmp_path / "ran").exists()
    assert not (fixture.root / "runs" / second).exists()


def test_cancel_survives_the_death_of_the_service(fixture: ServiceFixture) -> None:
    run_id = fixture.submit(STUBBORN + FOREVER, grace_seconds=1.0)
    fixture.log_until(run_id, "up")
    fixture.service.call("POST", f"/runs/{run_id}/cancel")
    fixture.kill_service()
    assert fixture.wait(run_id)["status"] == "Canceled"


def test_cancel_against_natural_end_is_told_once(fixture: ServiceFixture) -> None:
    for _ in range(10):
        run_id = fixture.submit("print('x')")
        fixture.service.call("POST", f"/runs/{run_id}/cancel")
        status = fixture.wait(run_id)["status"]
        assert status in ("Canceled", "Completed")
        assert fixture.service.call("GET", f"/runs/{run_id}")["status"] == status


def test_time_limit(fixture: ServiceFixture) -> None:
    record = fixture.wait(fixture.submit(FOREVER, max_run_duration_seconds=1))
    assert (record["status"], record["reason"]) == ("Failed", "time_limit")
    assert "max_run_duration_seconds" in record["details"]["error"]["message"]


TERM = "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(%d))\n"


@pytest.mark.parametrize("script", [FOREVER, TERM % 0 + FOREVER, TERM % 3 + FOREVER, LEAVES_CHILDREN + FOREVER])
def test_a_machine_that_goes_down_is_told_from_a_cancel(fixture: ServiceFixture, script: str) -> None:
    run_id = fixture.submit(script)
    fixture.log_until(run_id, "up")
    os.kill(fixture.shim(run_id)["pid"], signal.SIGTERM)
    record = fixture.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "host_lost")
    assert "was shut down, or an administrator ended" in record["details"]["error"]["message"]
    assert fixture.alive(run_id) == set()


SAYS_TERM = """
import signal
signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True))
print('up', flush=True)
while True: signal.pause()
"""
LEAVES_ONE_THAT_SAYS_TERM = f"""
import os, subprocess, sys
os.mkfifo("fifo")
subprocess.Popen([sys.executable, "-S", "-c", {SAYS_TERM!r}], start_new_session=True)
with open("fifo"): os._exit(%d)
"""


def test_a_cancel_while_the_machine_goes_down_is_a_cancel(fixture: ServiceFixture) -> None:
    run_id = fixture.submit(SAYS_TERM, grace_seconds=3600)
    fixture.log_until(run_id, "up")
    os.kill(fixture.shim(run_id)["pid"], signal.SIGTERM)
    fixture.log_until(run_id, "told")
    (fixture.root / "runs" / run_id / "cancel").touch()
    (child,) = fixture.alive(run_id)
    os.kill(child, signal.SIGKILL)
    record = fixture.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user")


@pytest.mark.parametrize(("code", "status", "reason"), [(0, "Completed", "exit"), (7, "Failed", "exit")])
def test_a_shim_killed_after_the_scripts_end_has_left_a_note_of_it(
    fixture: ServiceFixture, code: int, status: str, reason: str
) -> None:
    # A child that does not end on SIGTERM holds the shim in its clean-up for the whole grace period.
    run_id = fixture.submit(LEAVES_ONE_THAT_SAYS_TERM % code, grace_seconds=3600)
    fixture.log_until(run_id, "up")
    with (fixture.root / "runs" / run_id / "code" / "fifo").open("w"):
        fixture.log_until(run_id, "told")
    (child,) = (process.identity(pid) for pid in fixture.alive(run_id))
    os.kill(fixture.shim(run_id)["pid"], signal.SIGKILL)
    record = fixture.wait(run_id)
    details = record["details"]
    assert (record["status"], record["reason"], details["exit"]["exit_code"]) == (status, reason, code)
    assert details["witness"] == "exit note"
    assert "killed after the script had ended" in details["warnings"][0]["message"]
    assert not process.alive(child or {})


@pytest.mark.parametrize("end", ["exits", "cancelled"])
def test_a_shim_that_its_script_has_stopped_goes_on(fixture: ServiceFixture, end: str) -> None:
    script = "import json, os, signal, sys\nos.kill(json.load(open('../shim.json'))['pid'], signal.SIGSTOP)\n"
    run_id = fixture.submit(script + ("sys.exit(3)" if end == "exits" else FOREVER))
    if end == "cancelled":
        fixture.log_until(run_id, "up")
        fixture.service.call("POST", f"/runs/{run_id}/cancel")
        assert fixture.wait(run_id)["status"] == "Canceled"
        return
    record = fixture.wait(run_id)
    assert (record["status"], record["details"]["exit"]["exit_code"]) == ("Failed", 3)


def test_shim_killed(fixture: ServiceFixture) -> None:
    run_id = fixture.submit(LEAVES_CHILDREN + FOREVER)
    fixture.log_until(run_id, "up")
    os.kill(fixture.shim(run_id)["pid"], signal.SIGKILL)
    record = fixture.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "shim_lost")
    assert record["details"]["witness"] == "processes"
    assert "run was ended by signal 9 (SIGKILL), probably by the kernel" in record["details"]["error"]["message"]
    assert fixture.alive(run_id) == set()


ESCAPES = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        serves = {"TRAINSHED_SERVES": "/some/workspace"} if sys.argv[2] == "service" else {}
        os.execve("/bin/cat", ["cat", sys.argv[1]], serves)
    os._exit(0)
os.wait()
print("up", flush=True)
open(sys.argv[1]).read()
"""


@pytest.mark.parametrize("who", ["child", "service"])
def test_a_child_without_a_trace_is_ended_though_the_shim_was_killed(
    fixture: ServiceFixture, tmp_path: Path, who: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)  # it goes on until this is closed
    run_id = fixture.submit(ESCAPES, arguments=[str(tmp_path / "fifo"), who])
    fixture.log_until(run_id, "up")
    shim = fixture.shim(run_id)
    if "group" not in shim:
        os.close(writer)
        pytest.skip("no control group of version 2 can be made here, or the shim had no time to")
    group = Path(shim["group"])
    inside = {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    (escaped,) = (process.identity(pid) for pid in inside - fixture.alive(run_id) - {shim["pid"]})
    os.kill(shim["pid"], signal.SIGKILL)
    assert fixture.wait(run_id)["reason"] == "shim_lost"
    lives = process.alive(escaped or {})
    os.close(writer)
    assert lives == (who == "service")
    assert not group.exists()


def test_nothing_is_left_of_control_groups(fixture: ServiceFixture) -> None:
    run_id = fixture.submit("pass")
    assert fixture.wait(run_id)["status"] == "Completed"
    group = Path(fixture.shim(run_id).get("group", ""))
    if not group.name:
        pytest.skip("no control group of version 2 can be made here, or the shim had no time to")
    assert not group.exists()
    service = fixture.service_pid()
    spares = [
        group.parent / f"trainshed-{who['pid']}-{who['start']}"
        for who in map(process.identity, process.family(service))
        if who
    ]
    fd = os.pidfd_open(service)
    fixture.service.call("POST", "/service/stop")
    gone(fd)
    assert not any(spare.exists() for spare in spares)


def test_shim_killed_while_the_service_was_away(fixture: ServiceFixture) -> None:
    run_id = fixture.submit(FOREVER)
    fixture.log_until(run_id, "up")
    shim = fixture.shim(run_id)["pid"]
    fd = os.pidfd_open(shim)
    fixture.kill_service()
    os.kill(shim, signal.SIGKILL)
    gone(fd)
    assert fixture.wait(run_id)["reason"] == "shim_lost"
    assert fixture.alive(run_id) == set()


def test_killed_script_keeps_all_its_metrics(fixture: ServiceFixture) -> None:
    script = (
        "import os\nfrom trainshed import Run\nrun = Run.get_context()\n"
        "for i in range(1000): run.log('loss', i / 7)\nos.kill(os.getpid(), 9)\n"
    )
    run_id = fixture.submit(script)
    assert fixture.wait(run_id)["reason"] == "signal"
    assert fixture.service.call("GET", f"/runs/{run_id}/metrics")["metrics"]["loss"] == [i / 7 for i in range(1000)]


def test_log_bytes_are_kept_exactly(fixture: ServiceFixture) -> None:
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000 + b'\\rno newline')"
    run_id = fixture.submit(script)
    assert fixture.wait(run_id)["status"] == "Completed"
    read = b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/user_logs/std_log.txt"))
    assert read == bytes(range(256)) * 1000 + b"\rno newline"


def test_priorities(fixture: ServiceFixture, tmp_path: Path) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 1})
    first = fixture.submit(FOREVER)
    order = tmp_path / "order"
    runs = [
        fixture.submit(f"open({str(order)!r}, 'a').write('{priority} ')", priority=priority)
        for priority in (0, 5, 1, 5)
    ]
    fixture.service.call("POST", f"/runs/{first}/cancel")
    for run in runs:
        fixture.wait(run)
    assert order.read_text() == "5 5 1 0 "


def test_slots_bound_what_runs_at_once(fixture: ServiceFixture) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 2})
    runs = [fixture.submit(FOREVER) for _ in range(4)]
    for run in runs[:2]:
        fixture.log_until(run, "up")
    assert [fixture.service.call("GET", f"/runs/{run}")["status"] for run in runs[2:]] == ["Queued", "Queued"]
    for run in runs:
        fixture.service.call("POST", f"/runs/{run}/cancel")


def test_interpreter_that_is_not_there(fixture: ServiceFixture) -> None:
    record = fixture.wait(fixture.submit("", environment={"kind": "existing", "interpreter": "/no/such/python"}))
    assert record["status"] == "Failed"
    assert "/no/such/python" in record["details"]["error"]["message"]


def test_a_launcher_that_does_not_exist_is_refused_before_anything_starts(fixture: ServiceFixture) -> None:
    with pytest.raises(RunConfigurationException, match=r"no launcher 'opnmpi'.* Did you mean 'openmpi'\?"):
        fixture.submit("pass", launcher="opnmpi", process_count_per_node=2)
    assert not fixture.service.call("GET", "/runs", query={"limit": 1})["runs"]
