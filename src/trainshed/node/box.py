"""The container of one run: what makes it ready, what starts it, what ends it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from trainshed.containers import engine as engines
from trainshed.containers import talk
from trainshed.containers.engine import Engine, Order
from trainshed.containers.images import Image, Images, reference
from trainshed.containers.probe import NAMES, Probe, Python
from trainshed.environments import Inside, commands, standalone, uv
from trainshed.errors import TrainshedError
from trainshed.node.environment import Ready, make_ready
from trainshed.node.script import Ending
from trainshed.spec import layout
from trainshed.spec.container import ContainerSpec
from trainshed.spec.container_checks import check_container
from trainshed.spec.environment import EXISTING, EnvironmentSpec

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines give an image that says nothing."""
_DOWNLOAD = "3.12"
_HANDED = re.compile(r"UV_|NO_COLOR\Z|SSL_CERT_|(https?|all|no)_proxy\Z|NETRC\Z", re.IGNORECASE)
_PLACES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONSTRAINT",
           "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "UV_CONFIG_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")  # fmt: skip
_NOT_STARTED, _NOT_RUNNABLE, _NOT_FOUND, _KILLED = 125, 126, 127, 137
_SIGNALS = range(129, 193)


class Box:
    """A run's container.

    Args:
        wish: what the run asks for.
        place: the part of ``spec.json`` that describes this node.
        run_dir: the run directory.
        run_id: the run.
    """

    def __init__(self, wish: ContainerSpec, place: Mapping[str, Any], run_dir: str, run_id: str) -> None:
        self._password = _take(os.path.join(run_dir, layout.REGISTRY_SECRET))
        self._wish = check_container(wish)
        self._place = place
        self._run_dir = run_dir
        self._run_id = run_id
        self._home = str(place["home"])
        self._name = engines.safe_name(run_id)
        self._maker = engines.safe_name(run_id, "-make")
        self._engine: Optional[Engine] = None
        self._image = Image("", {})
        self._mounted: List[str] = []
        self._started = False

    def make_ready(self, environment: EnvironmentSpec, log_path: str, needs_python: bool = True) -> Ready:
        """Have the image on this machine, and in it the Python that the run asks for.

        Args:
            environment: what was asked for.
            log_path: file to which builds write.
            needs_python: whether the run cannot do without one.

        Raises:
            TrainshedError: the image cannot be had; ``details["reason"]`` says why.
            EnvironmentBuildException: the packages cannot be installed.
        """
        self._engine = engines.find(os.environ)
        self._sign()
        try:
            with open(log_path, "ab", buffering=0) as log:
                self._image = Images(self._engine, log, self._run_dir).make_ready(self._wish, self._password)
            python = self._python(environment, log_path)
            if python is None and needs_python:
                raise TrainshedError(self._no_python(environment), {"reason": "image_without_python"})
            ready = self._ready(environment, python, log_path)
        except BaseException:
            engines.remove(self._engine, self._maker)  # a run of the image may be cut off by a cancel
            raise
        facts = {"engine": self._engine.kind, "image": reference(self._wish), "image_id": self._image.id}
        return ready._replace(facts={**ready.facts, "container": facts})

    def _sign(self) -> None:
        """Write down what a service has to remove, should this process be killed."""
        assert self._engine is not None
        record = {**self._engine._asdict(), "names": [self._name, self._maker]}
        part = os.path.join(self._run_dir, f"{layout.CONTAINER}.part")
        with open(part, "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.replace(part, os.path.join(self._run_dir, layout.CONTAINER))

    def _python(self, wish: EnvironmentSpec, log_path: str) -> Optional[Python]:
        probe = Probe(self._home, self._image.id, self._run)
        if wish.kind == EXISTING and wish.interpreter != "python":
            return probe.python((wish.interpreter,))
        found = probe.python(NAMES)
        if found or wish.kind == EXISTING:
            return found
        home = Path(self._home)
        lent = probe.mounted(standalone.candidates(wish.python, home))
        if lent is None:
            with open(log_path, "ab", buffering=0) as log:
                if uv.download_python(wish.python or _DOWNLOAD, commands.Site(self._home, log)):
                    lent = probe.mounted(standalone.candidates(wish.python, home))
        if lent:
            self._mounted.append(lent.mounted)
        return lent

    def _no_python(self, wish: EnvironmentSpec) -> str:
        name = reference(self._wish)
        if wish.kind == EXISTING and wish.interpreter != "python":
            return f"The image '{name}' has no working Python at '{wish.interpreter}'. Give its path inside the image."
        if wish.kind == EXISTING:
            return f"The image '{name}' has no Python, and the run asks to use the image's own. Name the one it has."
        return (
            f"The image '{name}' has no Python, and none of this machine works in it. "
            "Use an image that has Python 3.8 or later and the GNU C library, such as 'python:3.11-slim'."
        )

    def _ready(self, wish: EnvironmentSpec, python: Optional[Python], log_path: str) -> Ready:
        if python is None:
            return Ready("", {}, {"solver": "existing", "cached": True}, tuple(wish.notes), None)
        inside = Inside(self._image.id, python.path, python.version, self._wrap(wish), alone=bool(python.mounted))
        ready = make_ready(wish, self._place, log_path, inside)
        if ready.slot is not None:
            self._mounted.append(str(ready.slot.prefix))
        return ready

    def _run(self, argv: Tuple[str, ...], mounts: Tuple[str, ...]) -> Tuple[int, str]:
        """Run a program in the image for what it answers."""
        assert self._engine is not None
        order = self._order(self._maker, argv)._replace(mounts=tuple((path, False) for path in mounts), remove=True)
        said = talk.ask(self._engine, engines.run_argv(self._engine, order)[1:])
        if said.code == _NOT_STARTED:
            raise talk.failed(self._engine, f"{self._engine.kind} cannot run the image", said.err)
        return said.code, said.out

    def _wrap(self, wish: EnvironmentSpec) -> commands.Wrap:
        """Return what puts uv into the image, with the folders of this machine that it needs."""
        needed = [path for line in (*wish.pip, *wish.pip_options) for path in _paths(line)]

        def wrap(argv: Sequence[str], environ: Dict[str, str]) -> Tuple[Sequence[str], Dict[str, str]]:
            assert self._engine is not None
            own = {name: value for name, value in environ.items() if _HANDED.match(name)}
            netrc = os.path.expanduser("~/.netrc")
            own.update({"NETRC": netrc} if os.path.isfile(netrc) else {})
            # A run cannot write there, so what Python compiles must be there before.
            own.update(UV_COMPILE_BYTECODE="1", HOME=self._home)
            caches = own["UV_CACHE_DIR"]
            own.update({} if _below(caches, self._home) else {"UV_LINK_MODE": "copy"})
            os.makedirs(caches, mode=0o700, exist_ok=True)
            places = [path for name in _PLACES for path in _paths(own.get(name, ""))]
            read = [argv[0], *places, *needed, *self._mounted]
            mounts = _mounts([self._home, caches], read)
            client, names, told = engines.client_environ(os.environ, own)
            order = self._order(self._maker, tuple(argv))
            order = order._replace(mounts=mounts, variables=names, values=told, remove=True)
            return engines.run_argv(self._engine, order), client

        return wrap

    def _order(self, name: str, argv: Tuple[str, ...]) -> Order:
        user = (os.getuid(), os.getgid())
        return Order(name, self._image.id, argv, user=user, label=self._run_id)

    def argv(
        self, argv: Tuple[str, ...], variables: Mapping[str, str], folder: str, extra_mounts: Sequence[str] = ()
    ) -> Tuple[Tuple[str, ...], Dict[str, str]]:
        """Return what is to be started instead of a program, so that it runs in the container.

        Args:
            argv: the program, as the image has it, and its arguments.
            variables: what it is to find in its environment besides what the image sets.
            folder: its working folder.
            extra_mounts: further folders of this machine that it reads and writes.

        Returns:
            The engine's command, and the environment for that.
        """
        assert self._engine is not None
        wanted = {"HOME": self._run_dir, **_who(), **variables}
        for name, default in (("PATH", _PATH), ("PYTHONPATH", "")):
            parts = [wanted.get(name, ""), self._image.variables.get(name, default)]
            wanted[name] = os.pathsep.join(part for part in parts if part)
        client, names, told = engines.client_environ(os.environ, wanted)
        wish = self._wish
        order = self._order(self._name, argv)._replace(
            folder=folder,
            mounts=self._mounts(extra_mounts),
            variables=names,
            values=told,
            shm_size=wish.shm_size,
            gpus=wish.gpus and engines.has_gpu(),
            arguments=wish.arguments,
        )
        self._started = True
        return engines.run_argv(self._engine, order), client

    def _mounts(self, extra: Sequence[str]) -> Tuple[Tuple[str, bool], ...]:
        stores = [str(record["path"]) for record in self._place["datastores"].values() if record.get("path")]
        # A script that asks for its workspace finds the service by a file there.
        workspace = str(self._place.get("environment_variables", {}).get("TRAINSHED_WORKSPACE", ""))
        return _mounts([self._run_dir, workspace, *stores, *extra], [str(self._place["runtime"]), *self._mounted])

    def tell(self, number: int) -> None:
        """Send a signal to the container's first process; one that is gone needs none.

        Args:
            number: the signal.
        """
        if self._engine is not None and self._started:
            talk.ask(self._engine, ["kill", f"--signal={number}", self._name])

    def close(self, code: Optional[int] = None) -> Dict[str, Any]:
        """Remove the container, running or not.

        Args:
            code: the exit code of the engine's command, if it has one.

        Returns:
            ``{"oom": True}`` when it was ended for want of memory, ``{"never_started": True}`` when the engine could
            not start it, else nothing.
        """
        if self._engine is None or not self._started:
            return {}
        facts: Dict[str, Any] = {}
        if code in (_NOT_STARTED, _NOT_RUNNABLE, _NOT_FOUND, _KILLED):
            question = ["container", "inspect", "--format={{.State.OOMKilled}} {{.State.StartedAt}}", self._name]
            said = talk.ask(self._engine, question)
            oom, started = talk.pair(said.out)
            if code == _KILLED:
                facts = {"oom": True} if oom == "true" else {}
            elif started.startswith("0001-") or (said.code and code == _NOT_STARTED):
                facts = {"never_started": True}
        engines.remove(self._engine, self._name)
        return facts

    def conclude(self, ending: Ending, program: str, log: str) -> bool:
        """Remove the container and say of the script what the engine's exit code says of it.

        Args:
            ending: how the engine's command ended; changed in place.
            program: what was to run in the container.
            log: the run's log, which has the engine's words.

        Returns:
            Whether it was ended for want of memory.

        Raises:
            TrainshedError: the engine could not start it (reason ``container_failed``).
        """
        code = ending.code
        facts = self.close(code)
        if facts.get("never_started"):
            words = _tail(log)
            what = {
                _NOT_FOUND: f"The command '{program}' is not in the image '{reference(self._wish)}'",
                _NOT_RUNNABLE: f"The command '{program}' cannot be executed in the image '{reference(self._wish)}'",
            }.get(int(code or 0), f"The container could not be started of the image '{reference(self._wish)}'")
            raise TrainshedError(f"{what}:\n{talk.essence(words, 3)}", talk.details("container_failed", words))
        if code in _SIGNALS:
            ending.code, ending.number = None, int(code) - 128
        return bool(facts.get("oom"))


def _take(path: str) -> str:
    """Return what a file holds, and remove it."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return ""
    os.unlink(path)
    return text


def _who() -> Dict[str, str]:
    """Name the user for programs that ask: an image knows nobody of this machine."""
    import pwd  # absent on Windows, which is no node

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return {"USER": name, "LOGNAME": name}


def _paths(setting: str) -> List[str]:
    """Return the files and folders of this machine that a package setting names."""
    parts = re.split(r"[\s,]+", setting)
    plain = [re.sub(r"\A(?:[\w.-]+=)?(?:file://)?", "", part.partition("#")[0]) for part in parts]
    return [path.rstrip("/") for path in plain if path.startswith("/") and path.strip("/") and os.path.exists(path)]


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _mounts(write: Sequence[str], read: Sequence[str]) -> Tuple[Tuple[str, bool], ...]:
    """Return (path, whether it can be written) for all that exist, without those that another one brings along."""
    chosen: Dict[str, bool] = {}
    for path in sorted({path for path in write if path and os.path.exists(path)}):
        if not any(_below(path, other) for other in chosen):
            chosen[path] = True
    for path in sorted({path for path in read if path and os.path.exists(path)} - set(chosen)):
        chosen[path] = False
    for path in chosen:
        if ":" in path:
            raise TrainshedError(
                f"'{path}' has a ':' in its name, and no container engine can be given it. Rename the folder.",
                {"reason": "container_failed"},
            )
    return tuple(sorted(chosen.items()))


def _tail(log: str) -> str:
    with open(log, "rb") as file:
        file.seek(max(file.seek(0, 2) - 4096, 0))
        return file.read().decode("utf-8", "replace")
