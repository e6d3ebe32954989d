"""Connections that break, fall silent or never come up: runs go on, nothing is lost, nothing starts twice."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from rigs import FOREVER, WAITS, Make, Rig

BOTH = pytest.mark.parametrize("kind", ["isolated", "ssh"])
STARTS = """
import os, sys
with open(os.path.join(sys.argv[1], "starts-" + sys.argv[2]), "a") as file:
    file.write("x")
from trainshed import Run
run = Run.get_context()
for i in range(50):
    run.log("loss", i / 7)
    print("line", i, "." * 500, flush=True)
with open("outputs/made.bin", "wb") as file:
    file.write(bytes(range(256)) * 1000)
"""


def whole(rig: Rig, run_id: str, mark: str) -> None:
    """Check that a run of ``STARTS`` has ended well, has started once, and has lost nothing."""
    record = rig.wait(run_id)
    assert record["status"] == "Completed", record
    assert (rig.shared / f"starts-{mark}").read_text() == "x"
    assert rig.log(run_id) == "".join(f"line {i} {'.' * 500}\n" for i in range(50))
    assert rig.metrics(run_id) == {"loss": [i / 7 for i in range(50)]}
    assert rig.read(run_id, "outputs/made.bin") == bytes(range(256)) * 1000


@pytest.mark.parametrize(("kind", "seed"), [*(("isolated", seed) for seed in range(4)), ("ssh", 0), ("pool", 1)])
def test_a_connection_cut_at_random_bytes_loses_nothing(make: Make, kind: str, seed: int) -> None:
    """Six runs a seed, each of which begins with another connection that will be cut, as do those that follow."""
    rig = make(kind)
    assert rig.wires
    rng = random.Random(seed)
    whole(rig, rig.submit(STARTS, arguments=[rig.there, "warm"]), "warm")
    for number in range(6):
        rig.wires.cut()
        rig.wires.cut_next(
            [
                (int(10 ** rng.uniform(1, 5)), None) if rng.random() < 0.5 else (None, int(10 ** rng.uniform(1, 5)))
                for _ in range(3)
            ]
        )
        whole(rig, rig.submit(STARTS, arguments=[rig.there, str(number)]), str(number))


@BOTH
def test_the_node_part_arrives_over_a_connection_that_is_cut(make: Make, kind: str) -> None:
    rig = make(kind)
    assert rig.wires
    rig.wires.cut_next([(5_000, None), (20_000, None), (60_000, None), (None, 10)])
    whole(rig, rig.submit(STARTS, arguments=[rig.there, "once"]), "once")


TICKS = """
import threading
def tick():
    while True:
        with open(os.path.join(sys.argv[1], 'ticks'), 'a') as file:
            file.write('.')
        time.sleep(1)
threading.Thread(target=tick, daemon=True).start()
"""
"""Has a script note each second that it goes on, in a file of its machine."""


SILENCE = int(os.environ.get("TRAINSHED_TEST_SILENCE", "60"))
"""Seconds of the longest silence: beyond every time-out of the connection. With 3600 it takes an hour."""


def ticks(rig: Rig) -> int:
    """Return for how many seconds the script has run."""
    return len((rig.shared / "ticks").read_text())


def silent(rig: Rig, run_id: str) -> dict[str, Any]:
    """Let the connection fall silent, and return the run's record once it is NotResponding."""
    assert rig.wires
    rig.wires.hold()
    record: dict[str, Any] = {"status": ""}
    while record["status"] != "NotResponding":
        record = rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    return record


@pytest.mark.parametrize(("kind", "patience"), [("isolated", 2), ("isolated", None), ("ssh", 2)])
def test_a_machine_that_falls_silent_is_not_responding_and_then_whole_again(
    make: Make, kind: str, patience: int | None
) -> None:
    rig = make(kind, {"patience": patience} if patience else {})
    assert rig.wires
    script = WAITS + TICKS + "print('up', flush=True); wait('go')\nsys.argv.append('once')\n" + STARTS
    run_id = rig.submit(script, arguments=[rig.there])
    rig.log_until(run_id, "up")
    before = ticks(rig)
    record = silent(rig, run_id)
    assert "cannot be reached" in record["details"]["error"]["message"]
    while patience is None and ticks(rig) < before + SILENCE:
        # The script's own clock tells how long the connection has been silent.
        rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    rig.wires.go()
    while (record := rig.service.call("GET", f"/runs/{run_id}"))["status"] != "Running":
        rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    assert not record["details"]["error"]
    if patience:
        silent(rig, run_id)  # once more, and it ends meanwhile
    rig.go("go")
    starts = rig.shared / "starts-once"
    while not starts.exists():
        pass
    rig.wires.go()
    assert rig.wait(run_id)["status"] == "Completed"
    assert starts.read_text() == "x"
    assert rig.log(run_id) == "up\n" + "".join(f"line {i} {'.' * 500}\n" for i in range(50))
    assert rig.metrics(run_id) == {"loss": [i / 7 for i in range(50)]}
    states = rig.states(run_id)
    assert states.count("NotResponding") == (2 if patience else 1)
    assert states[-1] == "Completed"


@BOTH
def test_a_cancel_that_nobody_hears_is_told_again(make: Make, kind: str) -> None:
    rig = make(kind, {"patience": 2})
    assert rig.wires
    run_id = rig.submit(FOREVER)
    rig.log_until(run_id, "up")
    silent(rig, run_id)
    assert rig.service.call("POST", f"/runs/{run_id}/cancel")["status"] == "CancelRequested"
    rig.wires.go()
    assert rig.wait(run_id)["status"] == "Canceled"
    assert rig.alive(run_id) == set()


def test_a_target_that_hangs_delays_no_other(make: Make) -> None:
    rig = make()
    assert rig.wires
    rig.wires.hold()
    hanging = rig.submit("print('x')")
    rig.wires.wait_for(1)
    here = Rig.submit(rig, "print('here')", target="local", environment={"kind": "existing", "interpreter": "python3"})
    assert rig.wait(here)["status"] == "Completed"
    assert rig.service.call("GET", f"/runs/{hanging}")["status"] in ("Queued", "Provisioning")
    rig.wires.go()
    assert rig.wait(hanging)["status"] == "Completed"


def test_a_service_stops_while_a_target_hangs(make: Make) -> None:
    rig = make()
    assert rig.wires
    rig.wires.hold()
    run_id = rig.submit("print('x')")
    rig.wires.wait_for(1)
    pid = rig.service_pid()
    fd = os.pidfd_open(pid)
    rig.service.call("POST", "/service/stop")
    from service_fixture import gone

    gone(fd)
    rig.wires.go()
    assert rig.wait(run_id)["status"] == "Completed"


def test_a_run_waits_for_a_machine_that_cannot_be_reached_and_says_why(make: Make, tmp_path: Path) -> None:
    rig = make("isolated")
    assert rig.far
    up = rig.shared / "up"
    script = f'test -e {up} || {{ echo no route to host >&2; exit 255; }}; exec "$@"'
    rig.put_target("away", {"kind": "remote", "connect": ["sh", "-c", script, "x", *rig.far.connect()], "patience": 1})
    run_id = rig.submit("print('x')", target="away")
    while not (error := rig.service.call("GET", f"/runs/{run_id}")["details"].get("error")):
        rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    assert error["message"].startswith("Machine 'away' cannot be reached: no route to host. Try the connection by hand")
    up.touch()
    record = rig.wait(run_id)
    assert record["status"] == "Completed"
    assert not record["details"].get("error")


def test_a_target_that_is_corrected_takes_its_runs(make: Make) -> None:
    rig = make("isolated")
    assert rig.wires
    rig.put_target("later", {"kind": "remote", "connect": ["false"]})
    run_id = rig.submit("print('x')", target="later")
    rig.put_target("later", {"connect": rig.wires.connect})
    assert rig.wait(run_id)["status"] == "Completed"


@BOTH
def test_the_agent_is_killed_and_comes_back(make: Make, kind: str) -> None:
    rig = make(kind)
    assert rig.far
    script = WAITS + "print('up', flush=True); wait('go'); print('done')"
    run_id = rig.submit(script, arguments=[rig.there])
    rig.log_until(run_id, "up")
    for pid in rig.far.agents():
        os.kill(pid, signal.SIGKILL)
    rig.go("go")
    assert rig.wait(run_id)["status"] == "Completed"
    assert rig.log(run_id) == "up\ndone\n"
    assert "NotResponding" not in rig.states(run_id)


@BOTH
def test_the_service_is_killed_in_the_middle_of_a_run(make: Make, kind: str) -> None:
    rig = make(kind)
    script = WAITS + "print('up', flush=True); wait('go')\nsys.argv.append('once')\n" + STARTS
    run_id = rig.submit(script, arguments=[rig.there])
    rig.log_until(run_id, "up")
    rig.kill_service()
    rig.go("go")
    assert rig.wait(run_id)["status"] == "Completed"
    assert (rig.shared / "starts-once").read_text() == "x"
    assert rig.log(run_id) == "up\n" + "".join(f"line {i} {'.' * 500}\n" for i in range(50))


def test_the_service_is_killed_in_the_middle_of_submits(make: Make) -> None:
    rig = make()
    rig.completed("print('warm')")
    runs = []
    for number in range(6):
        runs.append(rig.submit(STARTS, arguments=[rig.there, str(number)]))
        rig.kill_service()
    for number, run_id in enumerate(runs):
        whole(rig, run_id, str(number))


@BOTH
def test_a_reboot_is_told_from_everything_else(make: Make, kind: str) -> None:
    rig = make(kind)
    assert rig.far
    run_id = rig.submit("open('outputs/a.txt', 'w').write('a')\n" + FOREVER)
    rig.log_until(run_id, "up")
    rig.far.stop()
    rig.far.boot()
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "host_lost")
    assert rig.read(run_id, "outputs/a.txt") == b"a"
    assert rig.wait(rig.submit("print('x')"))["status"] == "Completed"


def test_a_shim_that_is_killed(make: Make) -> None:
    rig = make()
    assert rig.far
    run_id = rig.submit(FOREVER)
    rig.log_until(run_id, "up")
    rig.far.call("kill", "-9", str(rig.shim(run_id)["pid"]))
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "shim_lost")
    assert rig.alive(run_id) == set()


def test_cancel_while_the_way_to_the_machine_is_silent(make: Make) -> None:
    """Provisioning: what the run needs is on its way, and does not arrive."""
    rig = make()
    assert rig.wires
    rig.completed("print('warm')")
    rig.wires.hold()
    run_id = rig.submit("print('never')")
    while rig.service.call("GET", f"/runs/{run_id}")["status"] != "Provisioning":
        rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 0})
    rig.service.call("POST", f"/runs/{run_id}/cancel")
    rig.wires.go()
    assert rig.wait(run_id)["status"] == "Canceled"
    assert "Running" not in rig.states(run_id)


def test_two_targets_are_two_machines(make: Make) -> None:
    from isolated import IsolatedMachine

    rig = make()
    other = IsolatedMachine(rig.folder / "other")
    try:
        rig.put_target("second", {"kind": "remote", "connect": other.connect(), "slots": 2})
        script = WAITS + "print('up', flush=True); wait('go')\nprint(open('/mnt/who').read())"
        (rig.shared / "who").write_text("one")
        (other.folder / "who").write_text("two")
        runs = [rig.submit(script, arguments=["/mnt"], target=name) for name in (rig.target, "second")]
        for run_id in runs:
            rig.log_until(run_id, "up")
        for folder in (rig.shared, other.folder):
            (folder / "go").touch()
        assert [rig.wait(run_id)["status"] for run_id in runs] == ["Completed"] * 2
        assert [rig.log(run_id) for run_id in runs] == ["up\none\n", "up\ntwo\n"]
    finally:
        rig.service.call("POST", "/service/stop")
        other.stop()
