"""Which container engine this machine has, and the arguments by which it runs something."""

from __future__ import annotations

import os
import shutil
from typing import Mapping, NamedTuple, Sequence, Tuple

from trainshed.errors import TrainshedError

CHOICE = "TRAINSHED_CONTAINER_ENGINE"
"""Name or path of the engine to use."""
PODMAN, DOCKER = "podman", "docker"
_WHERE = ("/usr/local/bin", "/opt/homebrew/bin", "/usr/bin")


class Engine(NamedTuple):
    """A container engine's client.

    Attributes:
        kind: ``"podman"`` or ``"docker"``.
        path: absolute path of the program.
        rootless: root inside of its containers is an ordinary user outside.
    """

    kind: str
    path: str
    rootless: bool = False


class ContainerConfig(NamedTuple):
    """What is to run in a container.

    Attributes:
        name: the container's.
        image: the image's id or name.
        argv: the program and its arguments, as the image has them.
        folder: the working folder; ``""``: the image's.
        mounts: (folder or file, whether it can be written), seen under the same path inside.
        variables: ``NAME``, whose value the engine's client finds in its own environment, or ``NAME=value``, where
            others may see it.
        user: uid and gid to run as.
        shm_size: shared memory; ``""``: the engine's default.
        gpus: with the machine's GPUs.
        arguments: the user's own for ``run``.
        label: says whose it is.
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
    """Return the engine to use: the one that was chosen, else podman (which needs no daemon), else docker.

    Args:
        environ: the environment.

    Raises:
        TrainshedError: there is none (reason ``no_container_engine``).
    """
    chosen = environ.get(CHOICE, "")
    folders = os.pathsep.join([environ.get("PATH", ""), *_WHERE])
    for name in [chosen] if chosen else [PODMAN, DOCKER]:
        path = shutil.which(os.path.expanduser(name), path=folders)
        if path:
            kind = DOCKER if DOCKER in os.path.basename(path) else PODMAN
            return Engine(kind, os.path.abspath(path), _rootless(kind, environ))
    missing = f"{CHOICE} names '{chosen}', which is not there" if chosen else "there is neither podman nor docker"
    raise TrainshedError(
        f"The run asks for a container, and this machine has no engine for it: {missing}. "
        "Install one (apt-get install podman, or brew install podman), or leave the image out.",
        {"reason": "no_container_engine"},
    )


def _rootless(kind: str, environ: Mapping[str, str]) -> bool:
    if kind == PODMAN:
        return os.getuid() != 0
    # A daemon of the user's own listens in the user's own folder; asking it would cost every run a call.
    own = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return environ.get("DOCKER_HOST", "").startswith(f"unix://{own}/")


def run_argv(engine: Engine, config: ContainerConfig) -> Tuple[str, ...]:
    """Return the command by which ``engine`` runs ``config``; the container goes as soon as it ends.

    Args:
        engine: the engine.
        config: what to run.

    Example:
        >>> run_argv(Engine("docker", "/usr/bin/docker"), ContainerConfig("c", "sha256:1f", ("true",)))[-2:]
        ('--entrypoint=true', 'sha256:1f')
    """
    ours = [] if _has(config.arguments, "--network", "--net") else ["--network=host"]
    ours += [f"--user={config.user[0]}:{config.user[1]}"] if _maps_user(engine) else []
    if engine.kind == PODMAN:
        # Where SELinux reigns, the folders of the user could not be read inside; elsewhere it means nothing.
        ours.append("--security-opt=label=disable")
        ours += ["--userns=keep-id"] if engine.rootless and not _has(config.arguments, "--userns") else []
    if config.shm_size and not _has(config.arguments, "--shm-size", "--ipc"):
        ours.append(f"--shm-size={config.shm_size}")
    if config.gpus:
        ours.append("--device=nvidia.com/gpu=all" if engine.kind == PODMAN else "--gpus=all")
    ours += [f"--volume={path}:{path}{'' if writable else ':ro'}" for path, writable in config.mounts]
    ours += [f"--env={variable}" for variable in config.variables]
    # After the user's own, so that these hold: by them the container is found again, and the command is ours. What it
    # prints goes to the run's log and nowhere else.
    fixed = [f"--name={config.name}", "--rm", "--pull=never", "--log-driver=none"]
    fixed += [f"--label=trainshed.run={config.label}"] if config.label else []
    fixed += [f"--workdir={config.folder}"] if config.folder else []
    entry = f"--entrypoint={config.argv[0]}"
    return (engine.path, "run", *ours, *config.arguments, *fixed, entry, config.image, *config.argv[1:])


def _maps_user(engine: Engine) -> bool:
    # Root inside of docker's rootless containers is the user outside: any other number would be a stranger's.
    return not (engine.kind == DOCKER and engine.rootless)


def _has(arguments: Sequence[str], *names: str) -> bool:
    return any(argument.split("=", 1)[0] in names for argument in arguments)


def safe_name(run_id: str, suffix: str = "") -> str:
    """Return the name of a run's container.

    Args:
        run_id: the run.
        suffix: tells several of one run apart.

    Example:
        >>> safe_name("trial_1", "-make")
        'trainshed-trial_1-make'
    """
    return "trainshed-" + "".join(char if char.isalnum() and char.isascii() else "_" for char in run_id) + suffix


def remove(engine: Engine, name: str) -> None:
    """Remove a container, running or not; one that is not there is as good as removed.

    Args:
        engine: the engine.
        name: the container's.
    """
    import subprocess  # only where a container was left

    argv = [engine.path, "rm", "--force", name]
    null = subprocess.DEVNULL
    subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=False)
