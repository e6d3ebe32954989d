"""A new engine is a file and a row: a diff of one, put on a copy of the source, does all that a target does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import test_targets
from rigs import FOREVER, Rig

PATCH = Path(__file__).with_name("toy_engine.patch")
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Iterator[Rig]:
    """A target of the toy engine on this machine."""
    if shutil.which("git") is None:
        pytest.skip("no git to apply the diff with")
    tree = tmp_path_factory.mktemp("toy")
    shutil.copytree(SOURCE, tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    subprocess.run(["git", "apply", "--whitespace=nowarn", str(PATCH)], cwd=tree, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_SERVICE_PATH", str(tree / "src"))
        rig = Rig("local")
        rig.target = "spool"
        (rig.folder / "spool").mkdir()
        rig.put_target("spool", {"kind": "spool", "folder": str(rig.folder / "spool"), "slots": 2})
        yield rig
        rig.stop()


def test_it_touches_few_files() -> None:
    touched = re.findall(r"^\+\+\+ (\S+)", PATCH.read_text(), re.MULTILINE)
    assert sorted(touched) == ["b/src/trainshed/targets/registry.py", "b/src/trainshed/targets/spool.py"]


@pytest.mark.parametrize(
    "of_targets",
    [
        test_targets.test_exit_code_and_tail,
        test_targets.test_a_log_is_followed_while_it_grows,
        test_targets.test_metrics_come_while_it_runs,
        test_targets.test_time_limit,
        test_targets.test_cancel_ends_the_whole_tree,
        test_targets.test_slots_and_order,
    ],
    ids=lambda test: test.__name__,
)
def test_it_does_what_targets_do(spool: Rig, of_targets: Callable[[Rig], None]) -> None:
    of_targets(spool)


def waiting(rig: Rig, run_id: str) -> None:
    """Return once a run is known to wait in the engine's queue."""
    details = {}
    while details.get("queue_reason") != "The spool is closed.":
        details = rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 0})["details"]


def test_a_run_waits_in_the_queue_of_the_engine_and_says_why(spool: Rig) -> None:
    closed = spool.folder / "spool" / "closed"
    closed.touch()
    first, second = spool.submit("print('ran')"), spool.submit("print('never')")
    waiting(spool, first)
    waiting(spool, second)
    native_id = spool.service.call("GET", f"/runs/{first}")["native_id"]
    assert (spool.folder / "spool" / native_id / "token").read_text() == f"{first}.1\n"
    spool.service.call("POST", f"/runs/{second}/cancel")
    assert spool.wait(second)["status"] == "Canceled"
    closed.unlink()
    assert spool.wait(first)["status"] == "Completed"
    assert spool.log(first) == "ran\n"


def test_a_submit_whose_answer_was_lost_is_found_again(spool: Rig) -> None:
    (spool.folder / "spool" / "lose").touch()
    run_id = spool.completed("print('ran')")
    jobs = [path.parent.name for path in (spool.folder / "spool").glob("job-*/token") if run_id in path.read_text()]
    assert jobs == [spool.service.call("GET", f"/runs/{run_id}")["native_id"]]


def test_a_service_that_dies_finds_the_queue_again(spool: Rig) -> None:
    closed = spool.folder / "spool" / "closed"
    closed.touch()
    run_id = spool.submit("print('ran')")
    waiting(spool, run_id)
    spool.kill_service()
    closed.unlink()
    assert spool.wait(run_id)["status"] == "Completed"
    running = spool.submit(FOREVER)
    spool.log_until(running, "up")
    spool.kill_service()
    spool.service.call("POST", f"/runs/{running}/cancel")
    assert spool.wait(running)["status"] == "Canceled"
