"""What a run is, on whatever target: the same words of the API, the same answers."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from rigs import FOREVER, WAITS, Rig

from trainshed import Workspace
from trainshed.spec.sweep import PolicySpec, SweepSpec
from trainshed.tensorboard.export import export_to_tensorboard


def test_a_script_runs_where_its_target_is(rig: Rig) -> None:
    run_id = rig.completed("import os, platform; print(os.getuid(), platform.node(), os.path.exists('/mnt/boot'))")
    told = rig.log(run_id).split()
    if rig.far is None:
        assert told[0] == str(os.getuid())
    else:
        assert told == ["65534", "isolated", "True"]
    assert rig.states(run_id)[-1] == "Completed"


def test_exit_code_and_tail(rig: Rig) -> None:
    record = rig.wait(rig.submit("print('last words'); raise SystemExit(7)"))
    error = record["details"]["error"]
    assert (record["status"], record["reason"], error["exit_code"], error["phase"]) == ("Failed", "exit", 7, "Running")
    assert error["log_tail"] == "last words"


def test_a_log_is_followed_while_it_grows(rig: Rig) -> None:
    run_id = rig.submit(WAITS + "print('one', flush=True); wait('two'); print('two')", arguments=[rig.there])
    pieces = rig.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    assert next(pieces) == b"one\n"
    names = rig.names(run_id)
    assert {"azureml-logs/70_driver_log.txt", "user_logs/std_log.txt"} <= set(names)
    assert rig.read(run_id, "user_logs/std_log.txt") == b"one\n"
    rig.go("two")
    assert b"".join(pieces) == b"two\n"
    assert rig.wait(run_id)["status"] == "Completed"


def test_metrics_come_while_it_runs(rig: Rig) -> None:
    script = WAITS + (
        "from trainshed import Run\nrun = Run.get_context()\nfor i in range(100): run.log('loss', i / 7)\n"
        "run.log('once', float('nan')); print('up', flush=True); wait('metrics'); run.log('late', 'x')"
    )
    run_id = rig.submit(script, arguments=[rig.there])
    rig.log_until(run_id, "up")
    while "once" not in (found := rig.metrics(run_id)):
        pass  # each question takes in what has come
    assert found["loss"] == [i / 7 for i in range(100)]
    assert "late" not in found
    rig.go("metrics")
    assert rig.wait(run_id)["status"] == "Completed"
    assert rig.metrics(run_id)["late"] == "x"


OUTPUTS = """
import os, random
for number in range(300):
    os.makedirs(f"outputs/many/{number % 7}", exist_ok=True)
    with open(f"outputs/many/{number % 7}/{number}.txt", "w") as file:
        file.write(str(number))
rng = random.Random(1)
with open("outputs/large.bin", "wb") as file:
    for _ in range(50):
        file.write(rng.randbytes(1 << 20))
with open("outputs/state.txt", "w") as file:
    file.write("one")
with open("outputs/gone.txt", "w") as file:
    file.write("x")
open("outputs/empty", "w").close()
print("first", flush=True)
wait("rewrite")
with open("outputs/state.txt", "r+") as file:
    file.write("TWO")
os.unlink("outputs/gone.txt")
"""


def test_outputs_are_kept_byte_for_byte(rig: Rig) -> None:
    import random

    run_id = rig.submit(WAITS + OUTPUTS, arguments=[rig.there])
    rig.log_until(run_id, "first")
    while "outputs/gone.txt" not in rig.names(run_id):
        pass  # on another machine, until it has settled
    rig.go("rewrite")
    assert rig.wait(run_id)["status"] == "Completed"
    files = {file["name"]: file for file in rig.service.call("GET", f"/runs/{run_id}/files")["files"]}
    outputs = {name for name in files if name.startswith("outputs/")}
    assert outputs == {"outputs/large.bin", "outputs/state.txt", "outputs/empty"} | {
        f"outputs/many/{number % 7}/{number}.txt" for number in range(300)
    }
    assert rig.read(run_id, "outputs/state.txt") == b"TWO"
    assert rig.read(run_id, "outputs/many/2/93.txt") == b"93"
    assert files["outputs/empty"]["size"] == 0
    rng = random.Random(1)
    large = hashlib.sha256(b"".join(rng.randbytes(1 << 20) for _ in range(50))).hexdigest()
    assert files["outputs/large.bin"]["sha256"] == large
    assert hashlib.sha256(rig.read(run_id, "outputs/large.bin")).hexdigest() == large
    # Two names of one file are one file here, too.
    first, second = (
        rig.root / "runs" / run_id / path for path in ("azureml-logs/70_driver_log.txt", "user_logs/std_log.txt")
    )
    assert first.samefile(second)


def test_log_bytes_are_kept_exactly(rig: Rig) -> None:
    run_id = rig.completed("import sys; sys.stdout.buffer.write(bytes(range(256)) * 40000 + b'\\rno newline')")
    assert rig.read(run_id, "user_logs/std_log.txt") == bytes(range(256)) * 40000 + b"\rno newline"


def test_a_snapshot_is_laid_out_whole(rig: Rig) -> None:
    project = rig.projects / f"tree-{rig.kind}"
    project.mkdir()
    for number in range(500):
        (project / f"part{number % 10}").mkdir(exist_ok=True)
        (project / f"part{number % 10}" / f"{number}.txt").write_text(f"{rig.kind} {number}")
    (project / "empty").mkdir()
    (project / "link").symlink_to("part1/1.txt")
    (project / "tool.sh").write_text("#!/bin/sh\necho ran\n")
    (project / "tool.sh").chmod(0o755)
    (project / "train.py").write_text(
        "import hashlib, json, os, subprocess\n"
        "found = sorted(os.path.join(at, n) for at, _, names in os.walk('.') for n in names if n.endswith('.txt'))\n"
        "print(json.dumps([len(found), os.readlink('link'), os.path.isdir('empty'),\n"
        "    subprocess.check_output(['./tool.sh'], text=True), open('part3/3.txt').read()]))\n"
    )
    run_id = _of_folder(rig, project)
    said = json.loads(rig.log(run_id))
    assert said == [500, "part1/1.txt", True, "ran\n", f"{rig.kind} 3"]
    if rig.far is not None:
        store = rig.workspace_there / "snapshots" / "packs"
        before = set(os.listdir(store))
        (project / "part3" / "3.txt").write_text("changed")
        said = json.loads(rig.log(_of_folder(rig, project)))
        assert said[4] == "changed"
        assert set(os.listdir(store)) - before == {hashlib.sha256(b"changed").hexdigest()}


def _of_folder(rig: Rig, project: Path) -> str:
    from trainshed.client.send import send
    from trainshed.client.source import take

    snapshot = send(take(str(project)), rig.service)
    return rig.completed("", snapshot=snapshot)


def test_children_of_a_script_and_their_metrics(rig: Rig) -> None:
    script = (
        "from trainshed import Run\nrun = Run.get_context()\n"
        "child = run.child_run('first')\nchild.log('inner', 3)\nchild.complete()\n"
        "print(child.id)\nleft = run.child_run('second')\nleft.log('inner', 4)\nprint(left.id)\nleft.flush()\nimport os\nos._exit(0)\n"
    )
    run_id = rig.completed(script)
    first, second = rig.log(run_id).split()
    assert rig.wait(first)["status"] == "Completed"
    assert rig.metrics(first) == {"inner": 3}
    record = rig.wait(second)
    assert (record["status"], record["reason"], record["parent"]) == ("Failed", "program_lost", run_id)
    assert rig.metrics(second) == {"inner": 4}


def test_the_page_and_the_downloads_show_it(rig: Rig) -> None:
    run_id = rig.completed(
        "from trainshed import Run; Run.get_context().log('m', 5); open('outputs/a.txt', 'w').write('a')"
    )
    fragment = rig.service.call("GET", f"/runs/{run_id}/fragment")
    assert "outputs/a.txt" in json.dumps(fragment)
    assert "Completed" in rig.page(f"runs/{run_id}")
    assert "outputs/a.txt" in rig.page(f"runs/{run_id}/files")
    assert rig.page(f"runs/{run_id}/files/outputs/a.txt") == "a"
    assert rig.read(run_id, "outputs/a.txt") == b"a"


def test_tensorboard_gets_its_metrics(rig: Rig, tmp_path: Path) -> None:
    run_id = rig.completed(
        "from trainshed import Run\nrun = Run.get_context()\nfor i in range(5): run.log('loss', i / 7, step=10 * i)"
    )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = Workspace(path=str(rig.root)).get_run(run_id)
    export_to_tensorboard(run, str(tmp_path))
    events = EventAccumulator(str(tmp_path / run_id)).Reload()
    assert [(each.step, round(each.value, 4)) for each in events.Scalars("loss")] == [
        (10 * i, round(i / 7, 4)) for i in range(5)
    ]


def test_time_limit(rig: Rig) -> None:
    record = rig.wait(rig.submit(FOREVER, max_run_duration_seconds=1))
    assert (record["status"], record["reason"]) == ("Failed", "time_limit")


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
"""


def test_cancel_ends_the_whole_tree(rig: Rig) -> None:
    run_id = rig.submit(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + LEAVES_CHILDREN + FOREVER, grace_seconds=1.0
    )
    rig.log_until(run_id, "up")
    assert len(rig.alive(run_id)) >= 4
    rig.service.call("POST", f"/runs/{run_id}/cancel")
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    assert rig.alive(run_id) == set()


def test_slots_and_order(rig: Rig) -> None:
    script = WAITS + (
        "import time\nwith open(os.path.join(sys.argv[1], 'order'), 'a') as file: file.write(sys.argv[2] + ' ')\n"
        "print('up', flush=True)\nif sys.argv[2] == '0': wait('order-go')\n"
    )
    runs = [
        rig.submit(script, arguments=[rig.there, str(number)], slots=2, priority=int(number == 3))
        for number in range(4)
    ]
    rig.log_until(runs[0], "up")
    assert [rig.service.call("GET", f"/runs/{run}")["status"] for run in runs[1:]] == ["Queued"] * 3
    rig.go("order-go")
    assert [rig.wait(run)["status"] for run in runs] == ["Completed"] * 4
    assert (rig.shared / "order").read_text() == "0 3 1 2 "


def test_cancel_while_it_is_prepared(rig: Rig) -> None:
    """Its environment is being built: a package whose installation waits."""
    package = rig.shared / "package"
    package.mkdir(exist_ok=True)
    (package / "setup.py").write_text(f"import time\nopen({rig.there!r} + '/building', 'w').close()\ntime.sleep(600)\n")
    package.chmod(0o777)  # uv builds in it, as the user of the machine
    rig.shared.chmod(0o777)
    run_id = rig.submit("", environment={"pip": [f"slow @ file://{rig.there}/package"]})
    while not (rig.shared / "building").exists():
        record = rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 0})
        assert record["status"] not in ("Completed", "Failed"), record["details"]
    rig.service.call("POST", f"/runs/{run_id}/cancel")
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    assert rig.alive(run_id) == set()


SWEPT = """
import signal, sys
from trainshed import Run
alpha = float(sys.argv[sys.argv.index("--alpha") + 1])
def told(*_):
    open("outputs/saved.txt", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
for step in range(2):
    Run.get_context().log("score", alpha)
if alpha < 1:
    signal.pause()
"""


def test_a_sweep(rig: Rig) -> None:
    space = json.dumps({"--alpha": ["choice", [[2.0, 0.5, 1.5]]]})
    sweep = SweepSpec("grid", space, "score", True, 3, 1, policy=PolicySpec("bandit", 2, slack_amount=1.0))
    run_id = rig.submit(SWEPT, sweep, grace_seconds=20.0)
    assert rig.wait(run_id)["status"] == "Completed"
    found = rig.service.call("GET", f"/runs/{run_id}/sweep")["trials"]
    assert [(trial["best"], trial["stopped_at"], trial["reason"]) for trial in found] == [
        (2.0, None, "exit"),
        (0.5, 2, "stopped_by_policy"),
        (1.5, None, "exit"),
    ]
    assert "outputs/saved.txt" in rig.names(found[1]["run_id"])  # it had the time to save
    assert rig.service.call("GET", f"/runs/{run_id}")["properties"]["best_child_run_id"] == f"{run_id}_0"
