"""Events of any size arrive whole, or are refused by the call that logs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainshed import Estimator, Experiment, Workspace
from trainshed.api.runs.run_logging import RunLogging
from trainshed.errors import UserErrorException
from trainshed.runtime.journal import LONGEST_EVENT

MB = 1 << 20
CELL = "x" * 1020
"""With quotes, comma and space a thousandth of a megabyte in JSON."""
SCRIPT = """
from trainshed import Run
run = Run.get_context()
cell = "x" * 1020
for mb in (1, 4, 5, 63, 65):
    run.log_list(f"list {mb}", [cell] * (mb << 10))
    run.log(f"text {mb}", "x" * (mb << 20))
run.log_table("table", {"a": list(range(5 << 10)), "b": [cell] * (5 << 10)})
run.log_row("row", a=1, b="x" * (5 << 20))
run.log_confusion_matrix("matrix", {"schema_type": "confusion_matrix", "data": {"class_labels": ["x" * (5 << 20)]}})
run.tag("short", "x" * 6000)
run.tag("long", "x" * (5 << 20))
run.add_properties({"long": "x" * 6001})
run.log("x" * 70_000, 0.5)
run.log("last", 1)
"""


def estimator(project: Path, python: str) -> Estimator:
    made = Estimator(project, compute_target="local", user_managed=True, entry_script="train.py")
    made.run_config.environment.python.interpreter_path = python
    return made


def test_a_script_logs_events_of_any_size(workspace: Workspace, project: Path, this_python: str) -> None:
    (project / "train.py").write_text(SCRIPT)
    run = Experiment(workspace, "large").submit(estimator(project, this_python))
    assert run.wait_for_completion().status == "Completed"
    metrics, log = run.get_metrics(), b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
    for mb in (1, 4, 5, 63):
        assert metrics[f"list {mb}"] == [CELL] * (mb << 10)
        assert metrics[f"text {mb}"] == "x" * (mb * MB)
    assert metrics["table"] == {"a": list(range(5 << 10)), "b": [CELL] * (5 << 10)}
    assert metrics["row"] == {"a": 1, "b": "x" * (5 * MB)}
    matrix = metrics["matrix"].removeprefix("aml://artifactId/")
    assert len(b"".join(run.read(matrix))) > 5 * MB
    assert metrics["last"] == 1
    assert {"list 65", "text 65", "x" * 70_000}.isdisjoint(metrics)
    assert run.get_tags() == {"short": "x" * 6000}
    assert "run.log_list: The metric 'list 65' has 65.0 MB as JSON; the limit is 64 MB." in log
    assert "run.log: The metric 'text 65' has 65.0 MB as JSON; the limit is 64 MB." in log
    assert "run.tag: The value of 'long' has 5242880 characters; the limit for tags and properties is 6000." in log
    assert "run.add_properties: The value of 'long' has 6001 characters" in log
    assert f"run.log: The name '{'x' * 40}…' has 70000 characters; the limit is 65536." in log
    assert run.get_details()["warnings"] == []


def _child(experiment: Experiment) -> Any:
    return experiment.start_logging(snapshot_directory=None).child_run("child")


@pytest.mark.parametrize("begin", [lambda experiment: experiment.start_logging(snapshot_directory=None), _child])
@pytest.mark.parametrize("own_folder", [True, False])
def test_a_program_logs_events_of_any_size(
    workspace: Workspace, begin: Callable[[Experiment], Any], own_folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not own_folder:
        monkeypatch.setattr(RunLogging, "_may_append", lambda *_: False)
    with begin(Experiment(workspace, "large")) as run:
        for mb in (5, 63):
            run.log_list(f"list {mb}", [CELL] * (mb << 10))
        run.log("text 5", "x" * (5 * MB))
        run.log("text 63", "x" * (63 * MB))
        run.log("last", 1)
        with pytest.raises(UserErrorException, match=r"'list 65' has 65\.0 MB as JSON; the limit is 64 MB"):
            run.log_list("list 65", [CELL] * (65 << 10))
        with pytest.raises(UserErrorException, match="limit for tags and properties is 6000"):
            run.tag("long", "x" * 6001)
    metrics = run.get_metrics()
    assert {name: len(value) for name, value in metrics.items() if name != "last"} == {
        "list 5": 5 << 10,
        "list 63": 63 << 10,
        "text 5": 5 * MB,
        "text 63": 63 * MB,
    }
    assert metrics["last"] == 1


@pytest.mark.own_folder
def test_a_line_that_no_call_has_written_is_told(workspace: Workspace, project: Path, this_python: str) -> None:
    (project / "train.py").write_text(
        "import os\nfrom trainshed import Run\nrun = Run.get_context()\n"
        "with open(os.environ['TRAINSHED_RUN_DIR'] + '/journal.jsonl', 'ab') as journal:\n"
        f"    journal.write(b'x' * {LONGEST_EVENT + MB} + b'\\n')\n"
        "run.log('after', 1.0)\n"
    )
    run = Experiment(workspace, "large").submit(estimator(project, this_python))
    run.wait_for_completion()
    assert run.get_metrics() == {"after": 1.0}
    (warning,) = run.get_details()["warnings"]
    assert warning["message"] == "A line of the journal is longer than 64 MB and was ignored."
