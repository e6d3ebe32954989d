"""Provides the image of a run: uses a local image, pulls it, or builds it from a Dockerfile."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import sys
from contextlib import contextmanager
from typing import BinaryIO, Iterator, List, Optional

from trainshed.containers import engine_cli
from trainshed.containers.engine import PODMAN, Engine
from trainshed.containers.engine_cli import CompletedCommand
from trainshed.containers.image_ids import ImageIds
from trainshed.errors import TrainshedError
from trainshed.spec.container import ContainerSpec

AUTH = "registry-auth"
"""Folder in the run directory with the registry's credentials while an image is pulled."""
_OURS = "localhost/trainshed"
_HUB = "docker.io"
_HUB_IN_DOCKER = "https://index.docker.io/v1/"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def reference(request: ContainerSpec) -> str:
    """Return the full reference of a requested image.

    Args:
        request: container settings of the run.

    Example:
        >>> reference(ContainerSpec("team/image:1", registry="registry.example.org"))
        'registry.example.org/team/image:1'
    """
    if request.dockerfile:
        return f"{_OURS}:{hashlib.sha256(request.dockerfile.encode()).hexdigest()[:20]}"
    address = request.registry.rstrip("/")
    if address and not request.image.startswith(f"{address}/"):
        return f"{address}/{request.image}"
    return request.image


def registry_of(name: str) -> str:
    """Return the registry of an image: the name's first part, unless that is a namespace on Docker Hub.

    Example:
        >>> registry_of("localhost:5000/py"), registry_of("pytorch/pytorch")
        ('localhost:5000', 'docker.io')
    """
    first, slash, _ = name.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else _HUB


class Images:
    """The images of one engine.

    Args:
        engine: the engine.
        log: file for the engine's output.
        run_dir: run directory, for temporary files.
        ids: cache of image ids.
    """

    def __init__(self, engine: Engine, log: BinaryIO, run_dir: str, ids: ImageIds) -> None:
        self._ids = ids
        self._engine = engine
        self._log = log
        self._run_dir = run_dir

    def make_ready(self, request: ContainerSpec, password: str = "") -> str:
        """Pull or build the requested image if it is not on this machine, and return its id.

        Args:
            request: container settings of the run.
            password: registry password of ``request.username``.

        Raises:
            TrainshedError: the image is not available. ``details["reason"]`` contains the reason.
        """
        name = reference(request)
        facts = self._ids.get(name) or self._inspect(name)
        if facts is None:
            with self._account(request, password) as account:
                if request.dockerfile:
                    self._build(name, request.dockerfile, account)
                else:
                    self._pull(name, account)
            facts = self._inspect(name)
        if facts is None:
            raise TrainshedError(
                f"The image '{name}' was removed right after it was pulled or built.", {"reason": "image_not_found"}
            )
        self._check_machine(name, facts[1])
        return facts[0]

    def _inspect(self, name: str) -> Optional[List[str]]:
        """Return an image's id and processor architecture, or None if it is not on this machine."""
        result = engine_cli.ask(self._engine, ["image", "inspect", "--format={{.Id}} {{.Architecture}}", name])
        if result.code == 0:
            facts = [*result.out.split(), ""]
            self._ids.keep(name, facts)
            return facts
        if engine_cli.meaning(result.err) == "image_not_found":
            return None
        raise engine_cli.failed(
            self._engine, f"{self._engine.kind} could not check whether the image '{name}' exists", result.err
        )

    def _pull(self, name: str, account: List[str]) -> None:
        # Docker pulls names without a registry from Docker Hub; podman needs the registry's name.
        full_name = name if "/" in name and registry_of(name) != _HUB else f"{_HUB}/{name}"
        full_name = name if name.startswith(f"{_HUB}/") or self._engine.kind != PODMAN else full_name
        self._log.write(f"Pulling the image {full_name} with {self._engine.kind}.\n".encode())
        result = self._work("pull", account, registry_of(name), [full_name])
        if result.code:
            raise self._pull_failed(name, result)

    def _pull_failed(self, name: str, result: CompletedCommand) -> TrainshedError:
        reason, registry = engine_cli.meaning(result.out), registry_of(name)
        if reason == "no_container_engine":
            return engine_cli.not_answering(self._engine, result.out)
        sentence = {
            "image_not_found": f"There is no image '{name}' at {registry}. Check its name and tag.",
            "registry_refused": f"The registry {registry} denies access to the image '{name}': the user name or "
            "password is wrong, or the image does not exist. Pass image_registry_details, or log in: "
            f"{self._engine.kind} login {registry}",
            "registry_unreachable": f"The registry {registry} of image '{name}' cannot be reached from this machine. "
            "Check its address and this machine's network, or load the image manually.",
            "image_architecture": f"The image '{name}' was not built for this machine's processor "
            f"({platform.machine()}). Use one that was.",
        }.get(reason, f"The image '{name}' could not be pulled from {registry}.")
        message = f"{sentence}\n{engine_cli.essence(result.out, 3)}"
        return TrainshedError(message, engine_cli.details(reason or "registry_unreachable", result.out))

    def _build(self, name: str, text: str, account: List[str]) -> None:
        context = os.path.join(self._run_dir, "build-context")
        shutil.rmtree(context, ignore_errors=True)
        os.makedirs(context, mode=0o700)
        try:
            file = os.path.join(context, "Dockerfile")
            with open(file, "w", encoding="utf-8") as opened:
                opened.write(text)
            self._log.write(f"Building the image {name} with {self._engine.kind}.\n".encode())
            result = self._work("build", account, "", [f"--tag={name}", f"--file={file}", context])
        finally:
            shutil.rmtree(context, ignore_errors=True)
        if result.code:
            if engine_cli.meaning(result.out) == "no_container_engine":
                raise engine_cli.not_answering(self._engine, result.out)
            raise TrainshedError(
                f"The image could not be built from the Dockerfile:\n{engine_cli.essence(result.out)}",
                engine_cli.details("image_build_failed", result.out),
            )

    def _work(self, verb: str, account: List[str], registry: str, rest: List[str]) -> CompletedCommand:
        options: List[str] = []
        if self._engine.kind == PODMAN:
            # Like docker, allow plain HTTP for loopback addresses, where it cannot be intercepted.
            options = [*account, "--tls-verify=false"] if _is_loopback(registry) else account
            return engine_cli.run([self._engine.path, verb, *options, *rest], self._log)
        return engine_cli.run([self._engine.path, *account, verb, *rest], self._log)

    @contextmanager
    def _account(self, request: ContainerSpec, password: str) -> Iterator[List[str]]:
        """Yield the engine's arguments for a registry login, with the credentials in a private temporary file."""
        if not request.username or not password:
            yield []
            return
        server = request.registry.split("/")[0] or registry_of(request.image)
        if self._engine.kind != PODMAN and server == _HUB:
            server = _HUB_IN_DOCKER
        folder = os.path.join(self._run_dir, AUTH)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        try:
            file = os.path.join(folder, "config.json")
            token = base64.b64encode(f"{request.username}:{password}".encode()).decode()
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as opened:
                json.dump({"auths": {server: {"auth": token}}}, opened)
            yield [f"--authfile={file}"] if self._engine.kind == PODMAN else [f"--config={folder}", *self._address()]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _address(self) -> List[str]:
        """Return the argument with the docker daemon's address, which is configured in the folder replaced above."""
        if os.environ.get("DOCKER_HOST"):
            return []
        result = engine_cli.ask(self._engine, ["context", "inspect", "--format={{.Endpoints.docker.Host}}"])
        return [f"--host={result.out.strip()}"] if result.code == 0 and result.out.strip() else []

    def _check_machine(self, name: str, architecture: str) -> None:
        machine = platform.machine()
        if not architecture or architecture == _MACHINES.get(machine, machine) or not sys.platform.startswith("linux"):
            return
        emulated = {value: key for key, value in _MACHINES.items()}.get(architecture, architecture)
        if os.path.exists(f"/proc/sys/fs/binfmt_misc/qemu-{emulated}"):
            note = f"Note: the image was built for {architecture}, which this machine emulates slowly.\n"
            self._log.write(note.encode())
            return
        raise TrainshedError(
            f"The image '{name}' was built for {architecture}, but this machine is {_MACHINES.get(machine, machine)}. "
            "Use an image for this machine, or remove the local one and pull it again.",
            {"reason": "image_architecture"},
        )


def _is_loopback(registry: str) -> bool:
    host = re.sub(r":\d+\Z", "", registry)
    return host in ("localhost", "[::1]") or bool(re.match(r"127\.\d+\.\d+\.\d+\Z", host))
