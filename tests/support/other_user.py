"""Services of one user in folders that nobody else can read, for programs of another user that have address and token."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import podman_engine

from trainshed.client import locations
from trainshed.client.embedded import connect
from trainshed.client.stopping import stop

ROOT = Path(__file__).parents[2]
USER = 54321
"""No user of this machine: whoever runs as this one owns nothing but what the tests give him."""


@functools.cache
def python() -> str | None:
    """Return a Python of our version that the other user can start; one in a private home, he cannot."""
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for found in (
        sys.executable,
        shutil.which(f"python{wanted}", path=os.defpath),
        shutil.which("python3", path=os.defpath),
    ):
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        with contextlib.suppress(OSError):
            argv = [str(found), "-c", code]
            if (
                subprocess.run(
                    argv, user=USER, group=USER, extra_groups=[], capture_output=True, text=True, check=False
                ).stdout.strip()
                == wanted
            ):
                return found
    return None


@contextlib.contextmanager
def service(settings: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Serve a new workspace, with these settings; yield the variables by which the other user reaches it."""
    with tempfile.TemporaryDirectory(prefix="door-", ignore_cleanup_errors=True) as outer:
        Path(outer).chmod(0o711)
        private, shown = Path(outer) / "private", Path(outer) / "shown"
        private.mkdir(mode=0o700)
        shown.mkdir(mode=0o711)
        root = private / "home" / "workspaces" / "default"
        locations.make(str(root), {"workspace_name": "default"})
        with _environment(
            {"TRAINSHED_HOME": str(private / "home"), "TRAINSHED_IDLE_SECONDS": "120", **(settings or {})}
        ):
            connection = connect(str(root))
        access = connection.call("POST", "/service/access")
        token = shown / "token"
        token.touch(mode=0o600)
        token.write_text(access["token"])
        os.chown(token, USER, USER)
        try:
            yield {
                "TRAINSHED_SERVICE": access["address"],
                "TRAINSHED_TOKEN_FILE": str(token),
                "TRAINSHED_TEST_SERVED_BY": str(os.getuid()),
            }
        finally:
            for run in connection.call("GET", "/runs", query={"limit": 1000})["runs"]:
                if run["status"] not in ("Completed", "Failed", "Canceled"):
                    connection.call("POST", f"/runs/{run['id']}/cancel")
                    connection.call("GET", f"/runs/{run['id']}/wait", query={"timeout": 60})
            connection.close()
            stop(str(root))


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def interpreter(folder: Path) -> Path:
    """Return a Python with the packages of ours, in a folder that the other user and the service both can read."""
    found = Path(str(python()))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = folder / "venv" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (folder / "venv" / "bin").mkdir()
    (folder / "venv" / "bin" / "python").symlink_to(found)
    if (uv := Path(sys.prefix, "bin", "uv")).exists():
        (folder / "venv" / "bin" / "uv").symlink_to(uv)
    (folder / "venv" / "pyvenv.cfg").write_text(f"home = {found.parent}\n")
    paths = [ROOT / "compat" / "azureml" / "src", ROOT / "src", Path(sysconfig.get_paths()["purelib"])]
    (packages / "ours.pth").write_text("".join(f"{path}\n" for path in paths))
    return folder / "venv" / "bin" / "python"


def environment(home: Path, executable: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return what a program of the other user starts with: nothing that names a folder of ours."""
    return {
        "PATH": os.pathsep.join([str(executable.parent), os.defpath]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "MPLBACKEND": "Agg",
        # Where ipywidgets has its part for the browser, which the other user's environment sees no other way.
        "JUPYTER_PATH": os.path.join(sys.prefix, "share", "jupyter"),
        # Where packages come from is the machine's matter.
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT_"))},
        **more,
    }


def ran(place: Path, cwd: Path, argv: list[str], more: Mapping[str, str]) -> str:
    """Run a Python program as the other user and return what it printed."""
    executable = place / "venv" / "bin" / "python"
    for path in [cwd, *cwd.rglob("*")]:
        os.chown(path, USER, USER, follow_symlinks=False)
    done = subprocess.run(
        [str(executable), *argv], cwd=cwd, env=environment(place, executable, more), user=USER, group=USER, extra_groups=[], umask=0o077,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


class Broker:
    """Gives each caller at a socket a service of its own, with the settings they send, until they hang up.

    Or a container engine for such services (:mod:`podman_engine`).
    """

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        os.chown(path, USER, USER)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[line], daemon=True).start()

    @staticmethod
    def _serve(line: socket.socket) -> None:
        with line, line.makefile() as questions:
            asked = json.loads(questions.readline())
            if "engine" in asked:
                podman_engine.serve(line, questions)
                return
            with service(asked) as variables:
                line.sendall(json.dumps(variables).encode() + b"\n")
                line.recv(1)  # until it hangs up
