"""Whatever a script leaves in the place of whatever file of its run: the run ends as it ended, and the next one runs."""

from __future__ import annotations

import os
from urllib.parse import quote

import pytest
from odd_things import KINDS, source
from service_fixture import ServiceFixture

from trainshed.system.removal import remove_inside

PLACES = (
    *("journal.jsonl", "phases.jsonl", "exit.json", "shim.json", "spec.json", "cancel", "shim.log"),
    *("azureml-logs", "azureml-logs/70_driver_log.txt", "user_logs/std_log.txt", "artifacts", "data"),
    *("code/outputs", "code/logs", "code/runs", "code/outputs/odd", "code/outputs/deep/odd", "code"),
)
FOLDERS = ("azureml-logs", "artifacts", "code/outputs", "code/logs")
FILES = ("journal.jsonl", "phases.jsonl", "azureml-logs/70_driver_log.txt", "user_logs/std_log.txt", "code/outputs/odd")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", PLACES)
def test_an_odd_thing_in_any_place_ends_no_run_otherwise(fixture: ServiceFixture, place: str) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 4})
    runs = {kind: fixture.submit(source(kind, f"../{place}")) for kind in KINDS}
    ended = {kind: fixture.wait(run_id) for kind, run_id in runs.items()}
    assert {kind: record["status"] for kind, record in ended.items()} == dict.fromkeys(KINDS, "Completed")
    for kind, record in ended.items():
        files = fixture.service.call("GET", f"/runs/{runs[kind]}/files")["files"]
        assert not [file for file in files if file["size"] > 1 << 20], kind
        assert not [file for file in files if file["name"].endswith(("environ", "it/cmdline"))], kind
        told = "".join(each["message"] for each in record["details"]["warnings"] if each["source"] == "files")
        if place in FILES:
            assert KINDS[kind] in told, kind
        elif place in FOLDERS and kind not in ("folder", "nothing"):
            assert f"'{place.removeprefix('code/').removesuffix('artifacts')}" in told, kind
            assert "(not a folder)" in told, kind
    assert fixture.wait(fixture.submit("print('next')"))["status"] == "Completed"


ACTS = {
    "a backslash": r"open('outputs/a\\b.txt', 'w').write('content')",
    "a line break": "open('outputs/a\\nb\\n', 'w').write('content')",
    "control codes": "open('outputs/\\x1b[2J\\x07\\r', 'w').write('content')",
    "not UTF-8": "open(b'outputs/\\xff\\xfe', 'w').write('content'); os.makedirs(b'outputs/\\xff-folder/in')",
    "longer than a path": "at('outputs', ['d' * 250] * 20); open('model', 'w').write('content')",
    "very deep": "at('outputs', ['d'] * 3000); open('model', 'w').write('content')",
    "many links": "[os.symlink('x', f'outputs/link-{n}') for n in range(2000)]",
    "folders without permissions": "os.makedirs('outputs/shut/in'); os.chmod('outputs/shut', 0); os.chmod('logs', 0)",
    "a run directory without permissions": "os.chmod('..', 0)",
    "a run directory without its records": "os.chdir('..'); [os.rename(n, 'code/' + n) for n in os.listdir('.') if n != 'code']",
    "no run directory": "shutil.rmtree(os.path.abspath('..'))",
    "a run directory elsewhere": "run = os.path.abspath('..'); os.rename(run, run + '-moved'); os.symlink(run + '-moved', run)",
    "a file for a run directory": "run = os.path.abspath('..'); os.rename(run, run + '-moved'); open(run, 'w').close()",
    "pipes for parts": "[os.mkfifo('../.exit.json.%d-%d.part' % (os.getppid(), n)) for n in range(1000)]",
    "sockets in outputs": "os.chdir('outputs'); [socket.socket(socket.AF_UNIX).bind(str(n)) for n in range(100)]",
    "records of another type": 'open(\'../phases.jsonl\', \'a\').write(\'{}\\n[]\\n{"phase": 1, "time": "x"}\\n{"phase": "Running", "time": NaN}\\n\')',
    "nested records": "open('../phases.jsonl', 'a').write('[' * 100000 + '\\n'); open('../journal.jsonl', 'a').write('[' * 100000 + '\\n')",
    "a sparse journal": "open('../journal.jsonl', 'a').truncate(1 << 42)",
}
HELP = """
import os, shutil, socket
def at(folder, names):
    os.chdir(folder)
    for name in names:
        os.mkdir(name)
        os.chdir(name)
"""


@pytest.mark.timeout(120)
def test_odd_names_and_odd_acts_end_no_run_otherwise(fixture: ServiceFixture) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 2})
    try:
        runs = {act: fixture.submit(HELP + code) for act, code in ACTS.items()}
        ended = {act: fixture.wait(run_id)["status"] for act, run_id in runs.items()}
        assert ended == dict.fromkeys(ACTS, "Completed")
        assert fixture.wait(fixture.submit("print('next')"))["status"] == "Completed"
    finally:  # pytest itself cannot remove what is so deep
        left = [name for name in os.listdir(fixture.root / "runs") if not remove_inside(fixture.root / "runs", name)]
    assert left == []


@pytest.mark.parametrize(("act", "name"), [("a backslash", "outputs/a\\b.txt"), ("a line break", "outputs/a\nb\n")])
def test_a_name_that_the_system_takes_is_kept_and_can_be_downloaded(
    fixture: ServiceFixture, act: str, name: str
) -> None:
    run_id = fixture.submit(HELP + ACTS[act])
    assert fixture.wait(run_id)["status"] == "Completed"
    assert name in [file["name"] for file in fixture.service.call("GET", f"/runs/{run_id}/files")["files"]]
    path = f"/runs/{run_id}/files/{quote(name)}"
    assert b"".join(fixture.service.stream("GET", path)) == b"content"


@pytest.mark.parametrize("kind", ["half", "empty", "another type", "fifo", "folder", "link to nothing", "nothing"])
@pytest.mark.parametrize("record", ["shim.json", "spec.json", "phases.jsonl", "exit.json"])
def test_a_spoilt_record_stops_the_recovery_of_no_run(fixture: ServiceFixture, kind: str, record: str) -> None:
    go = fixture.projects / "go"
    wait = f"import os, time\nprint('up', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
    fixture.service.call("PUT", "/targets/local", {"slots": 2})
    spoilt, sound = fixture.submit(source(kind, f"../{record}") + wait), fixture.submit(wait)
    queued = fixture.submit("print('next')")
    for run_id in (spoilt, sound):
        fixture.log_until(run_id, "up")
    fixture.kill_service()
    assert fixture.service.call("GET", f"/runs/{sound}")["status"] == "Running"
    go.touch()
    assert fixture.wait(sound)["status"] == "Completed"
    assert fixture.wait(queued)["status"] == "Completed"
    assert fixture.wait(spoilt)["status"] == ("Failed" if (record, kind) == ("shim.json", "nothing") else "Completed")
