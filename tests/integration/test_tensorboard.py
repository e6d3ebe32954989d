"""TensorBoard over runs: what a run writes to its logs is there while it still writes; what it logged can be exported."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainshed import Experiment, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.errors import UserErrorException
from trainshed.tensorboard import Tensorboard, export_to_tensorboard

pytest.importorskip("tensorboard")

SCRIPT = """
import sys, os
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from azureml.core import Run
writer = EventFileWriter("./logs")
for step in range(3):
    writer.add_event(Event(step=step, summary=Summary(value=[Summary.Value(tag="loss", simple_value=1 / (step + 1))])))
writer.flush()
for folder in ("runs/first", "lightning_logs/version_0", "outputs"):
    other = EventFileWriter(folder)
    other.add_event(Event(step=1, summary=Summary(value=[Summary.Value(tag="loss", simple_value=7.0)])))
    other.close()
open("runs/first/notes.txt", "w").write("none of the run's files")
run = Run.get_context()
run.log("accuracy", 0.25, step=10)
run.log_list("accuracies", [1, 2])
print("written", flush=True)
fifo = sys.argv[1]
open(fifo).read()
run.log("accuracy", 0.5, step=20)
"""


@pytest.fixture
def running(workspace: Workspace, project: Path, this_python: str, tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    (project / "train.py").write_text(SCRIPT)
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    run = Experiment(workspace, "board").submit(ScriptRunConfig(str(project), "train.py", [str(fifo)], config))
    log = workspace.connection.stream("GET", f"/runs/{run.id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    assert next(iter(log)).startswith(b"written")
    yield run, fifo
    if run.get_status() == "Running":
        run.cancel()
        run.wait_for_completion(raise_on_error=False)


def scalars(url: str, run: str, key: str = "", patience: float = 60, tag: str = "loss", least: int = 1) -> list[Any]:
    """Ask TensorBoard until it has read the file; it does so every few seconds, and tells nobody."""
    end = time.monotonic() + patience
    while True:
        with urllib.request.urlopen(f"{url}data/plugin/scalars/tags") as answer:
            tags = json.load(answer)
        if tag in tags.get(key or run, ()):
            with urllib.request.urlopen(f"{url}data/plugin/scalars/scalars?run={run}&tag={tag}") as answer:
                found = json.load(answer)
            if len(found) >= least:
                return [value if tag == "loss" else (step, value) for _, step, value in found]
        assert time.monotonic() < end, tags
        time.sleep(0.3)


def test_it_shows_a_run_that_still_writes(running: tuple[Any, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, fifo = running
    board = Tensorboard([run], port=0)
    url = board.start()
    try:
        assert url in capsys.readouterr().out
        assert run.get_status() == "Running"
        assert scalars(url, run.id) == pytest.approx([1, 0.5, 1 / 3])
        for folder in ("runs/first", "lightning_logs/version_0", "outputs"):
            assert scalars(url, f"{run.id}/{folder}") == [7.0]
        assert scalars(url, f"{run.id}/metrics", tag="accuracy") == [(10, 0.25)]
        assert scalars(url, f"{run.id}/metrics", tag="accuracies") == [(0, 1.0), (1, 2.0)]
        assert "runs/first/notes.txt" not in run.get_file_names()
        assert run.get_status() == "Running"
        fifo.write_text("go")
        assert scalars(url, f"{run.id}/metrics", tag="accuracy", least=2) == [(10, 0.25), (20, 0.5)]
        with pytest.raises(UserErrorException, match="is already running"):
            board.start()
    finally:
        board.stop()
    board.stop()
    run.wait_for_completion()
    # Restored from a run that has ended, under a name of one's own.
    run.display_name = "a name"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    again = Tensorboard(run, port=port, use_display_name=True)
    try:
        url = again.start()
        assert f":{port}/" in url
        assert scalars(url, "a name".replace(" ", "%20"), key="a name") == pytest.approx([1, 0.5, 1 / 3])
        other = Tensorboard(run, port=port)
        with pytest.raises(UserErrorException, match="TensorBoard could not start"):
            other.start()
    finally:
        again.stop()


def test_metrics_become_event_files(workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Experiment(workspace, "board").start_logging(snapshot_directory=None) as run:
        for value in (3.0, 2.0, float("nan")):
            run.log("loss", value)
        run.log("name", "text")
        with run.child_run() as child:
            child.log("loss", 1)
    export_to_tensorboard(run, str(tmp_path / "boards"))
    folders = sorted(path.name for path in (tmp_path / "boards").iterdir())
    assert folders == sorted([run.id, child.id])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(tmp_path / "boards" / run.id)).Reload()
    assert read.Tags()["scalars"] == ["loss"]
    assert [event.value for event in read.Scalars("loss")][:2] == [3.0, 2.0]
    export_to_tensorboard(run, str(tmp_path / "alone"), recursive=False)
    assert [path.name for path in (tmp_path / "alone").iterdir()] == [run.id]
    Tensorboard([])  # of a program whose runs have not been submitted
    assert "Tensorboard has neither runs nor local_root" in caplog.text
    board = Tensorboard([], local_root=str(tmp_path / "boards"), port=0)
    try:
        assert scalars(board.start(), child.id) == [1.0]
    finally:
        board.stop()
    assert (tmp_path / "boards" / child.id).is_dir()


def test_where_it_is_not_installed(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['tensorboard'] = None\n"
        "from trainshed.tensorboard import Tensorboard, export_to_tensorboard\n"
        "import trainshed.tensorboard.board as board\n"
        "board.importlib.util.find_spec = lambda name: None\n"
        "for call in (lambda: export_to_tensorboard([], '.'), board._program):\n"
        "    try: call()\n    except Exception as error: print(type(error).__name__, error)\n"
    )
    env = {**os.environ, "PATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert said.count("UserErrorException TensorBoard is not installed. Install it: pip install") == 2


def test_one_that_takes_too_long_is_stopped_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainshed.tensorboard.board._START_TIMEOUT", 0.0)
    with pytest.raises(UserErrorException, match="TensorBoard did not start within 0 seconds"):
        Tensorboard([], local_root=str(tmp_path), port=0).start()
