"""What a run writes can be read while it runs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from service_fixture import ServiceFixture

from trainshed.errors import NotFoundException, TrainshedError, UserErrorException

SCRIPT = """
import os, sys, time
from trainshed import Run
run = Run.get_context()
run.log("loss", 0.5); run.log("loss", float("nan")); run.log("once", 3); run.tag("phase", "warm")
open("outputs/part.txt", "w").write("so far")
run.upload_file("notes/a.txt", "outputs/part.txt")
print("logged", flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
"""


def test_metrics_tags_and_files_at_once(fixture: ServiceFixture, tmp_path: Path) -> None:
    run_id = fixture.submit(SCRIPT, arguments=[str(tmp_path / "go")])
    fixture.log_until(run_id, "logged")
    # The very next question has all that was logged before: nothing is waited for.
    metrics = fixture.service.call("GET", f"/runs/{run_id}/metrics")["metrics"]
    assert metrics["once"] == 3
    assert metrics["loss"][0] == 0.5
    assert math.isnan(metrics["loss"][1])
    record = fixture.service.call("GET", f"/runs/{run_id}")
    assert (record["status"], record["tags"]) == ("Running", {"phase": "warm"})
    names = [file["name"] for file in fixture.service.call("GET", f"/runs/{run_id}/files")["files"]]
    assert {"outputs/part.txt", "notes/a.txt", "user_logs/std_log.txt"} <= set(names)
    assert b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/outputs/part.txt")) == b"so far"
    (tmp_path / "go").touch()
    assert fixture.wait(run_id)["status"] == "Completed"
    kept = {file["name"]: file for file in fixture.service.call("GET", f"/runs/{run_id}/files")["files"]}
    assert kept["outputs/part.txt"]["size"] == 6
    assert len(kept["notes/a.txt"]["sha256"]) == 64


def test_whatever_a_script_logs_the_run_ends_and_is_told(fixture: ServiceFixture) -> None:
    script = (
        "import os\nfrom trainshed import Run\nrun = Run.get_context()\nrun.log('name', os.fsdecode(b'\\xff.txt'))\n"
        "with open(os.environ['TRAINSHED_RUN_DIR'] + '/journal.jsonl', 'a') as journal:\n"
        '    journal.write(\'[\' * 100000 + \'\\n{"k":"metric","n":3,"v":{},"t":"x"}\\nnot json\\n\')\n'
        "run.log('after', 1)\n"
    )
    run_id = fixture.submit(script)
    assert fixture.wait(run_id)["status"] == "Completed"
    metrics = fixture.service.call("GET", f"/runs/{run_id}/metrics")["metrics"]
    assert (metrics["name"], metrics["after"]) == ("\udcff.txt", 1)


def test_follow_waits_for_a_run_that_is_still_queued(fixture: ServiceFixture) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 1})
    first = fixture.submit("import time; print('up', flush=True); time.sleep(600)")
    second = fixture.submit("print('my turn')")
    fixture.log_until(first, "up")
    pieces = fixture.service.stream("GET", f"/runs/{second}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    fixture.service.call("POST", f"/runs/{first}/cancel")
    assert b"".join(pieces) == b"my turn\n"


@pytest.mark.parametrize(
    "name", ["../../../history.db", "..%2f..%2fhistory.db", "%2e%2e/%2e%2e/history.db", "code/../../../service.json"]
)
def test_nothing_but_the_runs_own_files_is_served(fixture: ServiceFixture, name: str) -> None:
    run_id = fixture.submit("pass")
    fixture.wait(run_id)
    with pytest.raises(TrainshedError):
        b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/{name}"))


def test_output_that_is_a_link_to_a_secret_is_not_served(fixture: ServiceFixture, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    run_id = fixture.submit(
        "import os, sys; os.symlink(sys.argv[1], 'outputs/x')", arguments=[str(tmp_path / "secret")]
    )
    assert fixture.wait(run_id)["status"] == "Completed"
    with pytest.raises(NotFoundException):
        b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/outputs/x"))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"submit_id": "1", "spec": {"experiment": "../x", "script": "t.py"}}, "Invalid experiment name"),
        ({"submit_id": "2", "spec": {"experiment": "e", "script": "t.py", "target": "locale"}}, "Did you mean 'local'"),
        ({"submit_id": "3", "spec": {"experiment": "e", "script": "t.py", "slots": 9999}}, "slots"),
        ({"submit_id": "4", "spec": {"experiment": "e", "script": "t.py", "snapshot": "0" * 64}}, "no snapshot"),
        ({"submit_id": "5", "spec": {"experiment": "e", "script": "t.py", "data": [{"name": "d", "datastore": "no"}]}}, "no datastore 'no'"),
        ({"spec": {"experiment": "e"}}, "submit_id"),
        ([], "submit_id"),
        ({"submit_id": "6", "spec": 3}, "expected an object"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_before_anything_is_kept(fixture: ServiceFixture, body: object, word: str) -> None:
    with pytest.raises(TrainshedError, match=word):
        fixture.service.call("POST", "/runs", body)
    assert fixture.service.call("GET", "/runs")["runs"] == []


def test_a_file_is_not_overwritten(fixture: ServiceFixture) -> None:
    run_id = fixture.submit("pass")
    fixture.wait(run_id)
    fixture.service.upload("PUT", f"/runs/{run_id}/files/notes/x.txt", b"1")
    with pytest.raises(UserErrorException, match="already"):
        fixture.service.upload("PUT", f"/runs/{run_id}/files/notes/x.txt", b"2")
    assert b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/notes/x.txt")) == b"1"
    assert "notes/x.txt" in [file["name"] for file in fixture.service.call("GET", f"/runs/{run_id}/files")["files"]]
