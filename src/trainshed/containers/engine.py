"""Which container engine this machine has, and its command-line arguments."""

from __future__ import annotations

import os
import shutil
from typing import Mapping, NamedTuple, Sequence, Tuple

from trainshed.errors import TrainshedError

CHOICE = "TRAINSHED_CONTAINER_ENGINE"
"""Variable with the name or path of the engine to use."""
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
        argv: the program and its arguments, as seen in the image.
        folder: the working folder; ``""`` for the image's.
        mounts: (folder or file, whether it is writable), mounted under the same path.
        variables: ``NAME``, whose value the engine's client takes from its own environment, or ``NAME=value``, which
            others may see.
        user: uid and gid to run as.
        shm_size: shared memory; ``""`` for the engine's default.
        gpus: whether to pass the machine's GPUs.
        arguments: the user's own arguments for ``run``.
        label: identifies the owner of the container.
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
    """Return the engine to use: the chosen one, else podman (which needs no daemon), else docker.

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
    missing = f"{CHOICE} names '{chosen}', which does not exist" if chosen else "neither podman nor docker is found"
    raise TrainshedError(
        f"The run needs a container, but this machine has no container engine: {missing}. "
        "Install one (apt-get install podman, or brew install podman), or leave the image out.",
        {"reason": "no_container_engine"},
    )


def _rootless(kind: str, environ: Mapping[str, str]) -> bool:
    if kind == PODMAN:
        return os.getuid() != 0
    # A user's own daemon has a socket in the user's own folder; asking the daemon would cost every run a call.
    own = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return environ.get("DOCKER_HOST", "").startswith(f"unix://{own}/")


def run_argv(engine: Engine, config: ContainerConfig) -> Tuple[str, ...]:
    """Return the command by which ``engine`` runs ``config``; the container is removed when it ends.

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
        # Under SELinux, the user's folders could not be read inside without it; elsewhere it has no effect.
        ours.append("--security-opt=label=disable")
        ours += ["--userns=keep-id"] if engine.rootless and not _has(config.arguments, "--userns") else []
    if config.shm_size and not _has(config.arguments, "--shm-size", "--ipc"):
        ours.append(f"--shm-size={config.shm_size}")
    if config.gpus:
        ours.append("--device=nvidia.com/gpu=all" if engine.kind == PODMAN else "--gpus=all")
    ours += [f"--volume={path}:{path}{'' if writable else ':ro'}" for path, writable in config.mounts]
    ours += [f"--env={variable}" for variable in config.variables]
    # After the user's arguments, so that these take precedence: they identify the container and set the command, and
    # the container's output goes only to the run's log.
    fixed = [f"--name={config.name}", "--rm", "--pull=never", "--log-driver=none"]
    fixed += [f"--label=trainshed.run={config.label}"] if config.label else []
    fixed += [f"--workdir={config.folder}"] if config.folder else []
    entry = f"--entrypoint={config.argv[0]}"
    return (engine.path, "run", *ours, *config.arguments, *fixed, entry, config.image, *config.argv[1:])


def _maps_user(engine: Engine) -> bool:
    # Root inside docker's rootless containers is the user outside; any other number would be another user.
    return not (engine.kind == DOCKER and engine.rootless)


def _has(arguments: Sequence[str], *names: str) -> bool:
    return any(argument.split("=", 1)[0] in names for argument in arguments)


def safe_name(run_id: str, suffix: str = "") -> str:
    """Return the name of a run's container.

    Args:
        run_id: the run.
        suffix: distinguishes several containers of one run.

    Example:
        >>> safe_name("trial_1", "-make")
        'trainshed-trial_1-make'
    """
    return "trainshed-" + "".join(char if char.isalnum() and char.isascii() else "_" for char in run_id) + suffix


def remove(engine: Engine, name: str) -> None:
    """Remove a container, running or not; a missing one is not an error.

    Args:
        engine: the engine.
        name: name of the container.
    """
    import subprocess  # only needed if a container was left

    argv = [engine.path, "rm", "--force", name]
    null = subprocess.DEVNULL
    subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=False)
