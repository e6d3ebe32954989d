"""A real podman with a store of its own, small images made of Debian's packages, and a registry with a password."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Protocol, TextIO

import pytest
from waiting import until_printed

BROKER = "TRAINSHED_TEST_BROKER"
"""Socket of whoever runs the services, when the tests are another user's (tests/door)."""

USER, PASSWORD = "trainer", "s3cret-of-the-registry"
NEEDED = ("podman", "docker-registry", "htpasswd", "apt-get", "dpkg")
PYTHON, BARE, EMPTY, FOREIGN = (f"localhost/test/{name}:1" for name in ("python", "bare", "empty", "foreign"))
"""With a Python; with a C library and a shell alone; with a shell alone; for other processors."""
_LIBRARY = ("busybox-static", "libc6", "libgcc-s1", "zlib1g")
_PYTHON = [
    "libpython3.11-minimal",
    "python3.11-minimal",
    "libpython3.11-stdlib",
    "libexpat1",
    "libssl3",
    "libffi8",
    "libsqlite3-0",
    "libbz2-1.0",
    "liblzma5",
    "libuuid1",
    "libncursesw6",
    "libtinfo6",
    "libreadline8",
    "libdb5.3",
    "libnsl2",
    "libtirpc3",
]
_TOOLS = ("sh", "env", "ls", "cat", "id", "mkdir", "rm", "mv", "cp", "ln", "echo", "sleep", "uname", "df", "test")
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=32768:32768"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
# Two podmans of one machine wait for each other's containers if they share these.
tmp_dir = "{folder}/tmp"
lock_type = "file"
{runtime}
"""
_STORE = """
[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""
_REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: {address}}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


class Engine(Protocol):
    """A container engine to test with.

    Attributes:
        environ: by which podman finds it.
        registry: address of the registry, which has the image ``python:1``.
    """

    environ: dict[str, str]
    registry: str

    def podman(self, *arguments: str, check: bool = True) -> str:
        """Run podman and return what it printed."""

    def close(self) -> None:
        """End and remove everything."""


def engine() -> Engine:
    """Return a new engine; it has to belong to the user whose services use it."""
    if BROKER in os.environ:
        return EngineOfTheBroker(os.environ[BROKER])
    # Below a long path podman does not notice that a container has ended.
    return OwnEngine(Path(tempfile.mkdtemp(prefix="podman-")))


def containers(engine: Engine) -> list[str]:
    """Return the names of all its containers, running or not."""
    return engine.podman("ps", "--all", "--format={{.Names}}").split()


class EngineOfTheBroker:
    """The engine of the user who runs the services.

    Args:
        broker: path of the socket of :class:`other_user.Broker`.
    """

    def __init__(self, broker: str) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(broker)
        self._answers = self._line.makefile()
        facts = self._ask({"engine": True})
        if "skip" in facts:
            pytest.skip(facts["skip"])
        self.environ: dict[str, str] = facts["environ"]
        self.registry: str = facts["registry"]

    def podman(self, *arguments: str, check: bool = True) -> str:
        """Have podman run there."""
        told = self._ask({"podman": arguments, "check": check})
        assert "problem" not in told, told["problem"]
        return str(told["out"])

    def close(self) -> None:
        """Hang up, which has the engine removed."""
        self._answers.close()
        self._line.close()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._line.sendall(json.dumps(question).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer


def serve(line: socket.socket, questions: TextIO) -> None:
    """Have an engine for a program of another user: the other end of :class:`EngineOfTheBroker`.

    Args:
        line: the connection.
        questions: what comes on it, after the one for an engine.
    """
    answer, made = _made()
    try:
        line.sendall(json.dumps(answer).encode() + b"\n")
        while made is not None and (question := questions.readline()):
            line.sendall(json.dumps(_answered(made, json.loads(question))).encode() + b"\n")
    finally:
        if made is not None:
            made.close()


def _made() -> tuple[dict[str, Any], OwnEngine | None]:
    try:
        made = OwnEngine(Path(tempfile.mkdtemp(prefix="podman-")))
    except pytest.skip.Exception as why:
        return {"skip": str(why)}, None
    return {"environ": made.environ, "registry": made.registry}, made


def _answered(engine: OwnEngine, question: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"out": engine.podman(*question["podman"], check=question["check"])}
    except AssertionError as problem:
        return {"problem": str(problem)}


class OwnEngine:
    """Podman, apart from what the user has of it.

    Args:
        folder: where all of it lies.

    Attributes:
        environ: by which podman finds it.
        registry: address of the registry, which has the image ``python:1``.
    """

    def __init__(self, folder: Path) -> None:
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            pytest.skip(f"no container engine to test with: {', '.join(missing)} missing")
        self.folder = folder
        self._others = dict(os.environ)  # as now: the services' settings come and go in it
        files = os.sysconf("SC_OPEN_MAX")
        runtime = 'runtime = "runc"' if shutil.which("runc") else ""
        (folder / "containers.conf").write_text(_CONFIGURATION.format(files=files, runtime=runtime, folder=folder))
        (folder / "storage.conf").write_text(_STORE.format(folder=folder))
        self.environ = {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
        }
        (folder / "auth.json").write_text("{}")
        self._make_images()
        self.registry, self._served = self._serve()
        self.podman(
            "push", "-q", "--tls-verify=false", f"--creds={USER}:{PASSWORD}", PYTHON, f"{self.registry}/python:1"
        )

    def podman(self, *arguments: str, check: bool = True) -> str:
        """Run podman and return what it printed."""
        done = subprocess.run(
            ["podman", *arguments], env={**self._others, **self.environ}, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"podman {arguments}: {done.stderr}")
        return done.stdout

    def close(self) -> None:
        """End and remove everything."""
        self._served.terminate()
        self._served.wait()
        self.podman("rm", "--all", "--force", check=False)
        self.podman("rmi", "--all", "--force", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_images(self) -> None:
        if not self._can_run():
            pytest.skip("no container engine to test with: podman cannot work here")
        root = self.folder / "root"
        for folder in ("bin", "tmp", "etc", "proc", "sys", "dev", "root"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        self._unpack(_LIBRARY[:1], root)
        for tool in _TOOLS:
            (root / "bin" / tool).symlink_to("busybox")
        self._import(root, EMPTY)
        self._import(root, FOREIGN, "--arch=s390x")
        self._unpack(_LIBRARY[1:], root)
        self._import(root, BARE)
        self._unpack(_PYTHON, root)
        (root / "usr" / "bin" / "python3").symlink_to("python3.11")
        packages = root / "usr" / "lib" / "python3" / "dist-packages"
        packages.mkdir(parents=True)
        (packages / "of_the_image.py").write_text("WORD = 'from the image'\n")
        self._import(root, PYTHON, "--change=ENV OF_THE_IMAGE=yes")

    def _can_run(self) -> bool:
        return bool(self.podman("info", "--format={{.Store.GraphDriverName}}", check=False).strip())

    def _unpack(self, packages: tuple[str, ...] | list[str], root: Path) -> None:
        place = self.folder / "packages"
        place.mkdir(exist_ok=True)
        done = subprocess.run(["apt-get", "download", "-qq", *packages], cwd=place, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"no container engine to test with: {done.stderr.decode().strip()[-200:]}")
        for package in place.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
            package.unlink()

    def _import(self, root: Path, name: str, *options: str) -> None:
        archive = self.folder / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".")
        self.podman("import", *options, str(archive), name)
        archive.unlink()

    def _serve(self) -> tuple[str, subprocess.Popen[str]]:
        """Start the registry, and put the image with a Python into it."""
        with socket.create_server(("127.0.0.1", 0)) as held:
            address = f"127.0.0.1:{held.getsockname()[1]}"
        hashed = subprocess.run(
            ["htpasswd", "-Bbn", USER, PASSWORD], capture_output=True, text=True, check=True
        ).stdout.strip()
        (self.folder / "htpasswd").write_text(hashed + "\n")
        (self.folder / "registry.yml").write_text(_REGISTRY.format(folder=self.folder, address=address))
        served = subprocess.Popen(
            ["docker-registry", "serve", str(self.folder / "registry.yml")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        until_printed(served, rf"listening on .*{re.escape(address)}")
        return address, served
