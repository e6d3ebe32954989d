"""Sweeps of a small script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from waiting import until_logged

from trainshed import Estimator, Experiment, Run
from trainshed.api.hyperdrive import HyperDriveConfig, HyperDriveRun, PrimaryMetricGoal, RandomParameterSampling

LOG = "azureml-logs/hyperdrive.txt"
TRAIN = """
import argparse, os, signal, sys, threading
from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--layers", type=int, default=1)
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--resume-from")
parser.add_argument("--wait", action="store_true")
options = parser.parse_args()
run = Run.get_context()
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
for epoch in range(options.epochs):
    run.log("accuracy", options.alpha * options.layers)
with open("outputs/model.txt", "w") as file:
    file.write(str(options.alpha))
if options.resume_from:
    print("resumed", open(os.path.join(options.resume_from, "model.txt")).read())
print("ready", sys.argv[1:], flush=True)
if options.wait and options.alpha < 0.5:
    stopped.wait()
    open("outputs/saved.txt", "w").close()
"""

Script = Callable[..., Estimator]


def estimator_of(folder: Path) -> Script:
    """Return a function that returns an estimator of a script."""

    def make(code: str = TRAIN, **more: Any) -> Estimator:
        source = folder / "src"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(code)
        return Estimator(str(source), compute_target="local", entry_script="train.py", user_managed=True, **more)

    return make


def config(estimator: Any, space: Any, total: int, **more: Any) -> HyperDriveConfig:
    sampling = space if not isinstance(space, dict) else RandomParameterSampling(space, {"seed": 5})
    given = {"estimator": estimator, "primary_metric_name": "accuracy", "max_concurrent_runs": 2}
    goal = PrimaryMetricGoal.MAXIMIZE
    whole = {**given, "primary_metric_goal": goal, "max_total_runs": total, "hyperparameter_sampling": sampling, **more}
    return HyperDriveConfig(**whole)


def swept(experiment: Experiment, what: HyperDriveConfig, **more: Any) -> HyperDriveRun:
    """Submit a sweep and wait until it has ended."""
    run: Any = experiment.submit(what, **more)
    assert isinstance(run, HyperDriveRun)
    run.wait_for_completion(raise_on_error=False)
    return run


def trials(run: HyperDriveRun) -> list[dict[str, Any]]:
    return run.get_trials()


def log(run: HyperDriveRun) -> str:
    return b"".join(run.read(LOG)).decode()


def until_begun(run: HyperDriveRun, child: str) -> Run:
    """Follow the log of a sweep until a run of it has been submitted; return that run once its script is ready."""
    workspace: Any = run.experiment.workspace
    seen = ""
    for piece in workspace.connection.stream("GET", f"/runs/{run.id}/files/{LOG}", {"follow": 1}):
        seen += piece.decode()
        if f"Scheduling job, id='{child}'" in seen:
            found: Run = workspace.get_run(child)
            until_logged(found, "ready")
            return found
    raise AssertionError(f"the sweep ended without {child}:\n{seen}")
