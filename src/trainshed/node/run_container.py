"""The container of one run: prepares, starts and ends it."""

from __future__ import annotations

import json
import os
import signal
import time

from trainshed.containers import engine as engines
from trainshed.containers import engine_cli
from trainshed.containers.engine import ContainerConfig
from trainshed.containers.images import reference
from trainshed.data.dataset import outside
from trainshed.errors import TYPE_CHECKING, TrainshedError
from trainshed.node import fields
from trainshed.node.environment import Ready
from trainshed.node.in_image import InImage, mounts
from trainshed.node.logs import tail
from trainshed.node.mlflow_door import is_ours
from trainshed.node.resources import given
from trainshed.node.script import ProcessResult, Watch
from trainshed.node.secret_files import take
from trainshed.node.start import Start
from trainshed.spec import layout
from trainshed.spec.container_checks import check_container
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.run import RunSpec
from trainshed.system import files, memory

if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CONTAINER_INIT = os.path.join(_PACKAGE, "node", "container_init.py")
# Other variables of this machine refer to this machine's files.
_SAME_INSIDE = ("TRAINSHED_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TZ")
_NOT_STARTED = (125, 126, 127)
_KILLED = 137
_ENGINE_SECONDS = 15.0
"""Seconds for an engine to notice that its container has ended, and to clean up."""


class RunContainer:
    """A run's container.

    Args:
        spec: what to run, with its container request.
        node_context: the part of ``spec.json`` that describes this node.
        run_dir: the run directory.
        run_id: the run.

    Attributes:
        image: the image, and what is in it.
    """

    def __init__(self, spec: RunSpec, node_context: Mapping[str, Any], run_dir: str, run_id: str) -> None:
        assert spec.container is not None
        self._password = take(run_dir, layout.REGISTRY_SECRET)
        self._spec = spec
        self._request = check_container(spec.container)
        self._node_context = node_context
        self._run_dir = run_dir
        self._home = str(node_context["home"])
        self._compiled = os.path.join(self._home, "compiled")
        self._name = engines.safe_name(run_id)
        self._order = os.path.join(run_dir, layout.CONTAINER_INIT)
        self._log = os.path.join(run_dir, layout.BUILD_LOG)
        self._program = ""
        self.image = InImage(spec, node_context, run_dir, run_id)

    def make_ready(self, request: EnvironmentSpec) -> Ready:
        """Prepare the image on this machine, and the requested Python in it.

        Args:
            request: the requested environment.

        Raises:
            TrainshedError: the image is not available; ``details["reason"]`` says why.
            EnvironmentBuildException: the packages cannot be installed.
        """
        engine = engines.find(os.environ)
        # For the agent, which has to remove them if this process is killed.
        files.write_json(
            os.path.join(self._run_dir, layout.CONTAINER), {**engine._asdict(), "names": [self._name, self.image.name]}
        )
        os.makedirs(self._compiled, mode=0o700, exist_ok=True)
        return self.image.make_ready(request, engine, self._password)

    @property
    def variables(self) -> Dict[str, str]:
        """Environment variables for a script in a container."""
        home = os.path.join(self._home, "container-home")
        os.makedirs(home, mode=0o700, exist_ok=True)
        same = {name: os.environ[name] for name in _SAME_INSIDE if name in os.environ}
        # Kept between runs, so that downloads of libraries are reused; packages come from the image.
        return {**same, "HOME": home, **_who(), "PYTHONNOUSERSITE": "1"}

    @property
    def python(self) -> Tuple[str, ...]:
        """The Python inside for Trainshed's own programs, with its flags."""
        # No other folder can hold the bytecode it compiles.
        return (self.image.guide, "-S", "-E", "-X", "utf8", "-X", f"pycache_prefix={self._compiled}")

    def start(self, start: Start, elsewhere: Sequence[str], node: Optional[int] = None) -> Start:
        """Return what to start so that a run's processes are in the container.

        Args:
            start: what would be started without a container.
            elsewhere: the user's folders for data outside the run directory.
            node: which of the run's nodes this machine is; None if all are here.
        """
        order = [
            *(("argument", argument) for argument in start.argv),
            *(("variable", f"{name}={value}") for name, value in start.environ.items()),
            ("folder", start.folder),
            ("log", start.log),
            ("grace", str(self._spec.grace)),
            ("cancel", os.path.join(self._run_dir, layout.CANCEL)),
            *([("ranks", start.ranks.folder)] if start.ranks else []),
            *(("gpu", name) for name in given(self._spec.use_gpu, self._node_context, node)),
            *([("node", f"node-{node}")] if node is not None else []),
            # On a network of its own, the container has a loopback of its own.
            *([("door", "yes")] if engines.has_own_network(self._request.arguments) and is_ours(start.environ) else []),
        ]
        fields.write(self._order, order)
        self._program = start.argv[0]
        take(self._run_dir, f"{layout.CONTAINER_INIT}.end")
        made = ContainerConfig(
            self._name,
            self.image.image_id,
            (*self.python, _CONTAINER_INIT, self._order),
            folder=start.folder,
            mounts=self._mounts(elsewhere),
            variables=("TRAINSHED_RUN_ID",),
            shm_size=self._request.shm_size,
            gpus=self._spec.use_gpu and any(self._node_context.get("gpus") or ()),
            arguments=self._request.arguments,
        )
        argv = engines.run_argv(self.image.engine, self.image.mine(made))
        return start._replace(argv=argv, environ=dict(os.environ), folder=self._run_dir, log=self._log)

    def _mounts(self, elsewhere: Sequence[str]) -> Tuple[Tuple[str, bool], ...]:
        stores = [str(record["path"]) for record in self._node_context["datastores"].values() if record.get("path")]
        # A script that asks for its workspace finds the service by a file there.
        workspace = str(self._node_context.get("environment_variables", {}).get("TRAINSHED_WORKSPACE", ""))
        own = os.path.join(self._home, "container-home")
        read = [path for item in self._spec.inputs for path in outside(json.loads(item.definition), self._home)]
        write = [self._run_dir, workspace, own, self._compiled, *stores, *elsewhere]
        return mounts(write, [_PACKAGE, str(self._node_context["runtime"]), *self.image.mounted, *read])

    def wait(self, watch: Watch, pid: int) -> ProcessResult:
        """Wait until the container ends; end it on cancel or at the time limit.

        Args:
            watch: reports ends and cancel requests.
            pid: the engine's client, which forwards signals.

        Raises:
            TrainshedError: the container, or the program in it, could not be started.
        """
        result, limit, killed = ProcessResult(), self._spec.max_run_duration_seconds, memory.kills()
        due = None if limit is None else time.monotonic() + limit
        stage = 0
        while watch.status_of(pid) is None:
            late = due is not None and time.monotonic() >= due
            if stage == 0 and (watch.cancelled or late):
                result.cause = "cancel" if watch.cancelled else "time_limit"
                os.kill(pid, signal.SIGTERM)
                stage, due = 1, time.monotonic() + self._spec.grace + _ENGINE_SECONDS
            elif stage and late:
                engines.remove(self.image.engine, self._name)
                if stage > 1:
                    os.kill(pid, signal.SIGKILL)
                stage, due = stage + 1, time.monotonic() + _ENGINE_SECONDS
            watch.pause(None if due is None else max(due - time.monotonic(), 0))
        how = {name: texts[0] for name, texts in fields.read(f"{self._order}.end").items()}
        if how:
            result.code = int(how["code"]) if "code" in how else None
            result.number = int(how["number"]) if "number" in how else None
            result.leftovers, result.oom = int(how["leftovers"]), how["oom"] == "yes"
            if how["error"] and result.cause == "itself":
                image = reference(self._request)
                message = f"'{self._program}' cannot be started in the image '{image}': {how['error']}."
                raise TrainshedError(message, {"reason": "start_failed"})
            return result
        result.oom = memory.kills() > killed
        self._conclude_without(watch.status_of(pid) or 0, result)
        return result

    def _conclude_without(self, status: int, result: ProcessResult) -> None:
        """Determine how a container ended that could not record it itself."""
        engines.remove(self.image.engine, self._name)
        if result.cause != "itself":
            return
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        words = tail(self._log, 4096)
        if code in _NOT_STARTED or 0 <= code < _KILLED:
            what = f"No container could be started from the image '{reference(self._request)}'"
            raise TrainshedError(
                f"{what}:\n{engine_cli.essence(words, 3)}", engine_cli.details("container_failed", words)
            )
        result.number = -code if code < 0 else code - 128


def _who() -> Dict[str, str]:
    """Return the name of the user, because an image does not know the users of this machine."""
    import pwd  # missing on Windows, which cannot be a node

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return {"USER": name, "LOGNAME": name}
