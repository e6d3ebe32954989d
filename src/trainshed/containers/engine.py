"""Detection of the machine's container engine, and construction of its command lines."""

from __future__ import annotations

import os
import shutil
from typing import Mapping, NamedTuple, Sequence, Tuple

from trainshed.errors import TrainshedError

CHOICE = "TRAINSHED_CONTAINER_ENGINE"
"""Environment variable with the name or path of the engine to use."""
PODMAN, DOCKER = "podman", "docker"
_WHERE = ("/usr/local/bin", "/opt/homebrew/bin", "/usr/bin")


class Engine(NamedTuple):
    """A container engine's client.

    Attributes:
        kind: ``"podman"`` or ``"docker"``.
        path: absolute path of the program.
        rootless: whether root inside its containers is an ordinary user outside.
    """

    kind: str
    path: str
    rootless: bool = False


class ContainerConfig(NamedTuple):
    """What to run in a container.

    Attributes:
        name: name of the container.
        image: id or name of the image.
        argv: program and arguments, with paths as seen in the container.
        folder: working folder, or ``""`` for the image's default.
        mounts: (folder or file, whether it is writable). Each is mounted at the same path.
        variables: ``NAME`` to pass the value from the engine client's environment, or ``NAME=value``, which other
            users of the machine can see.
        user: uid and gid to run as.
        shm_size: size of the shared memory, or ``""`` for the engine's default.
        gpus: whether to make the machine's GPUs available.
        arguments: the user's additional arguments for ``run``.
        label: id of the run that owns the container.
    """

    name: str
    image: str
    argv: Tuple[str, ...]
    folder: str = ""
    mounts: Tuple[Tuple[str, bool], ...] = ()
    variables: Tuple[str, ...] = ()
    user: Tuple[int, int] = (0, 0)
    shm_size: str = ""
    gpus: bool = False
    arguments: Tuple[str, ...] = ()
    label: str = ""


def find(environ: Mapping[str, str]) -> Engine:
    """Return the engine to use: the one set in ``environ``, or podman (which needs no daemon), or docker.

    Args:
        environ: environment variables.

    Raises:
        TrainshedError: no engine is found (reason ``no_container_engine``).
    """
    chosen = environ.get(CHOICE, "")
    folders = os.pathsep.join([environ.get("PATH", ""), *_WHERE])
    for name in [chosen] if chosen else [PODMAN, DOCKER]:
        path = shutil.which(os.path.expanduser(name), path=folders)
        if path:
            kind = DOCKER if DOCKER in os.path.basename(path) else PODMAN
            return Engine(kind, os.path.abspath(path), _rootless(kind, environ))
    missing = f"{CHOICE} names '{chosen}', which does not exist" if chosen else "neither podman nor docker is found"
    raise TrainshedError(
        f"The run needs a container, but this machine has no container engine: {missing}. "
        "Install one (apt-get install podman, or brew install podman), or leave the image out.",
        {"reason": "no_container_engine"},
    )


def _rootless(kind: str, environ: Mapping[str, str]) -> bool:
    if kind == PODMAN:
        return os.getuid() != 0
    # A rootless daemon has its socket in the user's runtime folder. Asking the daemon would take an extra call per run.
    own = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return environ.get("DOCKER_HOST", "").startswith(f"unix://{own}/")


def run_argv(engine: Engine, config: ContainerConfig) -> Tuple[str, ...]:
    """Return the command line that runs a container, which is removed when it exits.

    Args:
        engine: the engine.
        config: configuration of the container.

    Example:
        >>> run_argv(Engine("docker", "/usr/bin/docker"), ContainerConfig("c", "sha256:1f", ("true",)))[-2:]
        ('--entrypoint=true', 'sha256:1f')
    """
    options = [] if _has(config.arguments, "--network", "--net") else ["--network=host"]
    options += [f"--user={config.user[0]}:{config.user[1]}"] if _maps_user(engine) else []
    if engine.kind == PODMAN:
        # Needed under SELinux to read the mounted folders; has no effect on other systems.
        options.append("--security-opt=label=disable")
        options += ["--userns=keep-id"] if engine.rootless and not _has(config.arguments, "--userns") else []
    if config.shm_size and not _has(config.arguments, "--shm-size", "--ipc"):
        options.append(f"--shm-size={config.shm_size}")
    if config.gpus:
        options.append("--device=nvidia.com/gpu=all" if engine.kind == PODMAN else "--gpus=all")
    options += [f"--volume={path}:{path}{'' if writable else ':ro'}" for path, writable in config.mounts]
    options += [f"--env={variable}" for variable in config.variables]
    # These options come after the user's arguments, so they take precedence. They identify the container, set its
    # command, and send its output only to the run's log.
    fixed = [f"--name={config.name}", "--rm", "--pull=never", "--log-driver=none"]
    fixed += [f"--label=trainshed.run={config.label}"] if config.label else []
    fixed += [f"--workdir={config.folder}"] if config.folder else []
    entry = f"--entrypoint={config.argv[0]}"
    return (engine.path, "run", *options, *config.arguments, *fixed, entry, config.image, *config.argv[1:])


def _maps_user(engine: Engine) -> bool:
    # In docker's rootless containers, root is mapped to the user; any other uid would be mapped to a different user.
    return not (engine.kind == DOCKER and engine.rootless)


def _has(arguments: Sequence[str], *names: str) -> bool:
    return any(argument.split("=", 1)[0] in names for argument in arguments)


def has_own_network(arguments: Sequence[str]) -> bool:
    """Tell whether the user's arguments for ``run`` give a container another network than the machine's.

    Args:
        arguments: the arguments.

    Example:
        >>> has_own_network(["--network", "bridge"]), has_own_network(["--net=host"]), has_own_network([])
        (True, False, False)
    """
    words = [part for argument in arguments for part in argument.split("=", 1)]
    return any(words[at + 1 : at + 2] != ["host"] for at, word in enumerate(words) if word in ("--network", "--net"))


def safe_name(run_id: str, suffix: str = "") -> str:
    """Return the name of a run's container, with unsupported characters replaced.

    Args:
        run_id: id of the run.
        suffix: suffix to distinguish several containers of a run.

    Example:
        >>> safe_name("trial_1", "-make")
        'trainshed-trial_1-make'
    """
    return "trainshed-" + "".join(char if char.isalnum() and char.isascii() else "_" for char in run_id) + suffix


def remove(engine: Engine, name: str) -> None:
    """Remove a container, even if it is running. Does nothing if it does not exist.

    Args:
        engine: the engine.
        name: name of the container.
    """
    import subprocess  # needed only if a container was left behind

    argv = [engine.path, "rm", "--force", name]
    null = subprocess.DEVNULL
    subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=False)
