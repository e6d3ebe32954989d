"""Run directories spoilt while the service is dead: all other runs go on, and the spoilt one ends with a true reason."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from service_fixture import ServiceFixture, gone

GOES_ON = """
import os, sys, time
print("up", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""
Spoil = Callable[[Path], object]


def emptied(name: str) -> Spoil:
    return lambda run: (run / name).write_text("")


def cut(name: str) -> Spoil:
    return lambda run: (run / name).write_text('{"pid"')


def in_its_place(name: str, make: Callable[[Path], object]) -> Spoil:
    def spoil(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        make(run / name)

    return spoil


def a_pipe(name: str) -> Spoil:
    return in_its_place(name, os.mkfifo)


def a_folder(name: str) -> Spoil:
    return in_its_place(name, Path.mkdir)


def a_link(name: str) -> Spoil:
    return in_its_place(name, lambda path: path.symlink_to("/dev/zero"))


def removed(name: str) -> Spoil:
    return in_its_place(name, lambda _: None)


def odd_phase(run: Path) -> None:
    with open(run / "phases.jsonl", "a") as file:
        file.write('{}\n[]\n{"phase": {}, "time": "x"}\n')


WELL, LOST = ("Completed", "exit"), ("Failed", "record_lost")
RUNNING: list[tuple[str, Spoil, tuple[str, str]]] = [
    ("spec-empty", emptied("spec.json"), WELL),
    ("spec-cut", cut("spec.json"), WELL),
    ("spec-pipe", a_pipe("spec.json"), WELL),
    ("shim-empty", emptied("shim.json"), WELL),
    ("shim-cut", cut("shim.json"), WELL),
    ("shim-pipe", a_pipe("shim.json"), WELL),
    ("shim-folder", a_folder("shim.json"), WELL),
    ("shim-link", a_link("shim.json"), WELL),
    ("shim-gone", removed("shim.json"), LOST),
    ("folder-gone", shutil.rmtree, LOST),
    ("exit-pipe", a_pipe("exit.json"), WELL),
    ("exit-folder", a_folder("exit.json"), WELL),
    ("journal-pipe", a_pipe("journal.jsonl"), WELL),
    ("journal-folder", a_folder("journal.jsonl"), WELL),
    ("journal-link", a_link("journal.jsonl"), WELL),
    ("phases-pipe", a_pipe("phases.jsonl"), WELL),
    ("phases-folder", a_folder("phases.jsonl"), WELL),
    ("phases-odd", odd_phase, WELL),
    ("log-pipe", a_pipe("azureml-logs/70_driver_log.txt"), WELL),
    ("log-link", a_link("azureml-logs/70_driver_log.txt"), WELL),
]
ENDED: list[tuple[str, Spoil, tuple[str, str]]] = [
    ("exit-empty", emptied("exit.json"), LOST),
    ("exit-cut", cut("exit.json"), LOST),
    ("exit-pipe", a_pipe("exit.json"), LOST),
    ("exit-folder", a_folder("exit.json"), LOST),
    ("exit-link", a_link("exit.json"), LOST),
    ("exit-and-folder-gone", shutil.rmtree, LOST),
    ("shim-gone", removed("shim.json"), WELL),
    ("spec-empty", emptied("spec.json"), WELL),
]


UNSUPERVISED = {name for name, _, end in RUNNING if end == LOST}


@pytest.fixture(scope="module")
def records(shared_fixture: ServiceFixture, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all cases at once beside healthy runs; return the record in which each run ended."""
    go_first, go = (tmp_path_factory.mktemp("go") / name for name in ("first", "then"))
    fixture = shared_fixture
    fixture.service.call("PUT", "/targets/local", {"slots": len(RUNNING) + len(ENDED) + 1})
    early = {f"ended-{name}": (fixture.submit(GOES_ON, arguments=[str(go_first)]), spoil) for name, spoil, _ in ENDED}
    late = {f"ran-{name}": (fixture.submit(GOES_ON, arguments=[str(go)]), spoil) for name, spoil, _ in RUNNING}
    runs = {**early, **late, "well": (fixture.submit(GOES_ON, arguments=[str(go)]), lambda _: None)}
    waiting = [fixture.submit("print('my turn')") for _ in range(2)]
    for run, _ in runs.values():
        fixture.log_until(run, "up")
        assert fixture.service.call("GET", f"/runs/{run}")["status"] == "Running"
    shims = [os.pidfd_open(fixture.shim(run)["pid"]) for run, _ in early.values()]
    fixture.kill_service()
    go_first.touch()
    for shim in shims:
        gone(shim)
    for run, spoil in runs.values():
        spoil(fixture.root / "runs" / run)
    assert fixture.service.call("GET", f"/runs/{runs['well'][0]}")["status"] == "Running"
    for name in UNSUPERVISED:  # what nobody can supervise is ended at once
        assert fixture.wait(runs[f"ran-{name}"][0])["status"] == "Failed"
    go.touch()
    told = {name: fixture.wait(run) for name, (run, _) in runs.items()}
    told |= {f"waiting-{number}": fixture.wait(run) for number, run in enumerate(waiting)}
    return {**told, "left": [pid for run, _ in runs.values() for pid in fixture.alive(run)]}


@pytest.mark.parametrize(
    ("name", "end"),
    [(f"ran-{name}", end) for name, _, end in RUNNING] + [(f"ended-{name}", end) for name, _, end in ENDED],
)
def test_a_spoilt_run_ends_truly(records: dict[str, Any], name: str, end: tuple[str, str]) -> None:
    record = records[name]
    assert (record["status"], record["reason"]) == end, record["details"]
    if end == LOST:
        assert "not known" in record["details"]["error"]["message"]


@pytest.mark.parametrize("name", ["well", "waiting-0", "waiting-1"])
def test_no_other_run_suffers(records: dict[str, Any], name: str) -> None:
    assert records[name]["status"] == "Completed"


def test_nothing_is_left(records: dict[str, Any], shared_fixture: ServiceFixture) -> None:
    assert records["left"] == []
    assert [target["used"] for target in shared_fixture.service.call("GET", "/targets")["targets"]] == [0]


def test_a_folder_that_its_owner_may_not_open(fixture: ServiceFixture, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may open every folder; an ordinary user's service is tested where the tests are not root's")
    fixture.service.call("PUT", "/targets/local", {"slots": 2})
    spoilt, well = (fixture.submit(GOES_ON, arguments=[str(tmp_path / "go")]) for _ in range(2))
    for run in (spoilt, well):
        fixture.log_until(run, "up")
    fixture.kill_service()
    folder = fixture.root / "runs" / spoilt
    folder.chmod(0)
    try:
        (tmp_path / "go").touch()
        assert fixture.wait(well)["status"] == "Completed"
        assert fixture.wait(spoilt)["status"] == "Failed"
    finally:
        folder.chmod(0o700)


ODD = {
    "backslash": "open('outputs/a\\\\b', 'w').close()",
    "beyond PATH_MAX": (
        "os.chdir('outputs')\nfor _ in range(30):\n    os.mkdir('x' * 200); os.chdir('x' * 200)\nopen('f', 'w').close()"
    ),
    "folder with mode 0": "os.mkdir('outputs/d'); open('outputs/d/f', 'w').close(); os.chmod('outputs/d', 0)",
    "outputs is a link": "os.rmdir('outputs'); os.symlink('/proc/self', 'outputs')",
    "not UTF-8": "open(b'outputs/\\xff\\xfe', 'w').close(); open('outputs/a\\nb', 'w').close()",
    "pipe": "os.mkfifo('outputs/pipe'); os.mkfifo(os.environ['TRAINSHED_RUN_DIR'] + '/journal.jsonl')",
    "phases": "open(os.environ['TRAINSHED_RUN_DIR'] + '/phases.jsonl', 'a').write('{}\\n')",
}


@pytest.mark.parametrize("script", ODD.values(), ids=ODD.keys())
def test_whatever_a_script_leaves_behind_its_run_ends(fixture: ServiceFixture, script: str) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 1})
    odd, next_one = fixture.submit(f"import os\n{script}\n"), fixture.submit("print('my turn')")
    assert fixture.wait(odd)["status"] == "Completed"
    assert fixture.wait(next_one)["status"] == "Completed"
