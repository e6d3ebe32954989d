"""Prepares a run's image before its container starts: finds its Python, installs packages on top, looks for MPI."""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainshed.containers import engine as engines
from trainshed.containers import engine_cli
from trainshed.containers.engine import ContainerConfig, Engine
from trainshed.containers.image_ids import ImageIds
from trainshed.containers.images import Images, reference
from trainshed.containers.probe import NAMES, OLDEST, Probe, Python
from trainshed.environments import Inside, commands, standalone, uv
from trainshed.errors import TYPE_CHECKING, TrainshedError
from trainshed.node.environment import Ready, make_ready
from trainshed.node.logs import open_log
from trainshed.spec import layout
from trainshed.spec.environment import EXISTING, EnvironmentSpec
from trainshed.spec.run import RunSpec

if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

_DOWNLOAD = "3.12"
_HANDED = re.compile(r"UV_|NO_COLOR\Z|SSL_CERT_|(https?|all|no)_proxy\Z|NETRC\Z", re.IGNORECASE)
_NOT_STARTED = 125
_PLACES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"),
)


class InImage:
    """An image on this machine, and what a run needs in it.

    Args:
        spec: what to run, with its container request.
        node_context: the part of ``spec.json`` that describes this node.
        run_dir: the run directory.
        run_id: the run.

    Attributes:
        engine: the container engine.
        image_id: the image's id.
        guide: path inside the image of the Python for Trainshed's own programs.
        mounted: folders of this machine that must be mounted.
        name: name of the container used for the preparation.
    """

    def __init__(self, spec: RunSpec, node_context: Mapping[str, Any], run_dir: str, run_id: str) -> None:
        assert spec.container is not None
        self._spec = spec
        self._request = spec.container
        self._node_context = node_context
        self._run_dir = run_dir
        self._run_id = run_id
        self._home = str(node_context["home"])
        self._log = os.path.join(run_dir, layout.BUILD_LOG)
        self.engine = Engine("", "")
        self.image_id = self.guide = ""
        self.mounted: List[str] = []
        self.name = engines.safe_name(run_id, "-make")
        self._inside: Optional[Inside] = None
        self._probe: Optional[Probe] = None

    def make_ready(self, request: EnvironmentSpec, engine: Engine, password: str) -> Ready:
        """Prepare the image on this machine, and the requested Python in it.

        Args:
            request: the requested environment.
            engine: the container engine.
            password: password of the registry's user.

        Raises:
            TrainshedError: the image is not available; ``details["reason"]`` says why.
            EnvironmentBuildException: the packages cannot be installed.
        """
        self.engine = engine
        try:
            with os.fdopen(open_log(self._log), "ab", buffering=0) as log:
                ids = ImageIds(self._home, engine, os.environ)
                self.image_id = Images(engine, log, self._run_dir, ids).make_ready(self._request, password)
            self._probe = Probe(self._home, self.image_id, self.run)
            python = self._python(request, self._probe)
            guide = python if python and python.version >= OLDEST else self._host_python(request.python, self._probe)
            if guide is None or (python is None and not self._spec.command):
                raise TrainshedError(self._no_python(request), {"reason": "image_without_python"})
            self.guide = guide.path
            ready = self._ready(request, python or guide)
        except BaseException:
            engines.remove(engine, self.name)  # a cancel may interrupt a program that runs in the image
            raise
        facts = {"engine": engine.kind, "image": reference(self._request), "image_id": self.image_id}
        return ready._replace(facts={**ready.facts, "container": facts})

    def _python(self, request: EnvironmentSpec, probe: Probe) -> Optional[Python]:
        if request.kind == EXISTING and request.interpreter != "python":
            return probe.python((request.interpreter,))
        found = probe.python(NAMES)
        return found if found or request.kind == EXISTING else self._host_python(request.python, probe)

    def _host_python(self, version: Optional[str], probe: Probe) -> Optional[Python]:
        """Return a Python of this machine that works in the image, or None."""
        home = Path(self._home)
        found = probe.mounted(standalone.candidates(version, home))
        if found is None:
            with os.fdopen(open_log(self._log), "ab", buffering=0) as log:
                if uv.download_python(version or _DOWNLOAD, commands.BuildContext(self._home, log)):
                    found = probe.mounted(standalone.candidates(version, home))
        if found and found.mounted not in self.mounted:
            self.mounted.append(found.mounted)
        return found

    def _no_python(self, request: EnvironmentSpec) -> str:
        name = reference(self._request)
        if request.kind == EXISTING and request.interpreter != "python":
            return (
                f"The image '{name}' has no working Python at '{request.interpreter}'. Use the path of one inside "
                f"the image."
            )
        if request.kind == EXISTING and not self._spec.command:
            return f"The image '{name}' has no Python, but the run uses the image's own Python. Set its path."
        return (
            f"The image '{name}' has no Python, and no Python of this machine works in it. "
            "Use an image that has Python 3.8 or later, such as 'python:3.11-slim'."
        )

    def _ready(self, request: EnvironmentSpec, python: Python) -> Ready:
        self._inside = Inside(self.image_id, python.path, python.version, self._wrap(request), bool(python.mounted))
        return self.add(request)

    def add(self, request: EnvironmentSpec) -> Ready:
        """Prepare another environment in the image, beside that of the run.

        Args:
            request: the environment.

        Raises:
            EnvironmentBuildException: it cannot be built.
        """
        assert self._inside is not None
        ready = make_ready(request, self._node_context, self._log, self._inside)
        if ready.entry is not None:
            self.mounted.append(str(ready.entry.prefix))
        return ready

    @property
    def known(self) -> str:
        """A file that exists for as long as the facts about the image are valid."""
        assert self._probe is not None
        return os.path.dirname(self._probe.path)

    def mpirun(self) -> Tuple[str, str]:
        """Return path and version text of the image's own ``mpirun``; empty if it has none."""
        assert self._probe is not None
        return self._probe.mpirun(self.guide, self.mounted)

    def run(
        self, argv: Sequence[str], folders: Sequence[str] = (), environ: Optional[Mapping[str, str]] = None
    ) -> Tuple[int, str]:
        """Run a program in the image and return its output.

        Args:
            argv: the program and its arguments.
            folders: folders of this machine that it needs.
            environ: variables for it.

        Returns:
            Its exit code and its output.

        Raises:
            TrainshedError: the engine cannot run anything in the image (reason ``container_failed``).
        """
        variables = tuple(f"{name}={value}" for name, value in (environ or {}).items())
        config = ContainerConfig(self.name, self.image_id, tuple(argv), mounts=mounts([], folders), variables=variables)
        engine = self.engine
        result = engine_cli.ask(engine, engines.run_argv(engine, self.mine(config))[1:])
        if result.code == _NOT_STARTED:
            raise engine_cli.failed(engine, f"{engine.kind} cannot run the image", result.err)
        return result.code, result.out + result.err

    def mine(self, config: ContainerConfig) -> ContainerConfig:
        """Return a configuration with this user and this run's label."""
        return config._replace(user=(os.getuid(), os.getgid()), label=self._run_id)

    def _wrap(self, request: EnvironmentSpec) -> commands.Wrap:
        """Return a wrapper that runs uv in the image, and the folders of this machine that it needs."""
        needed = [path for line in (*request.pip, *request.pip_options) for path in _paths(line)]

        def wrap(argv: Sequence[str], environ: Dict[str, str]) -> Tuple[Sequence[str], Dict[str, str]]:
            own = {name: value for name, value in environ.items() if _HANDED.match(name)}
            netrc = os.path.expanduser("~/.netrc")
            own.update({"NETRC": netrc} if os.path.isfile(netrc) else {})
            # A run cannot write there, so bytecode must be compiled beforehand.
            own.update(UV_COMPILE_BYTECODE="1")
            caches = own["UV_CACHE_DIR"]
            own.update({} if _below(caches, self._home) else {"UV_LINK_MODE": "copy"})
            os.makedirs(caches, mode=0o700, exist_ok=True)
            places = [path for name in _PLACES for path in _paths(own.get(name, ""))]
            seen = mounts([self._home, caches], [argv[0], *places, *needed, *self.mounted])
            # By their names only, because addresses of indexes may contain passwords.
            names = (*sorted(own), f"HOME={self._home}")
            config = ContainerConfig(self.name, self.image_id, tuple(argv), mounts=seen, variables=names)
            return engines.run_argv(self.engine, self.mine(config)), {**os.environ, **own}

        return wrap


def _paths(setting: str) -> List[str]:
    """Return the files and folders of this machine that a package setting names."""
    parts = re.split(r"[\s,]+", setting)
    plain = [re.sub(r"\A(?:[\w.-]+=)?(?:file://)?", "", part.partition("#")[0]).rstrip("/") for part in parts]
    # The pages of an index link to files beside them.
    whole = [os.path.dirname(path) if os.path.basename(path) == "simple" else path for path in plain]
    return [path for path in whole if path.startswith("/") and path.strip("/") and os.path.exists(path)]


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def mounts(write: Sequence[str], read: Sequence[str]) -> Tuple[Tuple[str, bool], ...]:
    """Return (path, whether it is writable) for all that exist, without those that another one includes."""
    chosen: Dict[str, bool] = {}
    for path in sorted({path for path in write if path and os.path.exists(path)}):
        if not any(_below(path, other) for other in chosen):
            chosen[path] = True
    for path in sorted({path for path in read if path and os.path.exists(path)} - set(chosen)):
        chosen[path] = False
    for path in chosen:
        if ":" in path:
            raise TrainshedError(
                f"'{path}' has a ':' in its name, so it cannot be mounted into a container. Rename the folder.",
                {"reason": "container_failed"},
            )
    return tuple(sorted(chosen.items()))
