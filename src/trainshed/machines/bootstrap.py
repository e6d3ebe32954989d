"""The first lines that run on another machine: bring the node part there if it is missing, then become the agent.

Sent as text over the connection itself, so the machine needs nothing but a Python 3.8 or later and a home folder.
"""

import io
import json
import os
import shutil
import sys
import zipfile


def _exactly(size: int) -> bytes:
    parts = []
    while size:
        part = os.read(0, min(size, 1 << 20))
        if not part:
            raise SystemExit("the connection closed while Trainshed's node code was being sent")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _unpacked(archive: bytes, target: str) -> None:
    part = f"{target}.{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part, mode=0o700)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        for name in packed.namelist():
            # Names come from our own service; one that leads elsewhere is not unpacked all the same.
            path = os.path.normpath(os.path.join(part, name))
            if path.startswith(part + os.sep):
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                with open(path, "wb") as file:
                    file.write(packed.read(name))
    try:
        os.rename(part, target)
    except OSError:  # another connection was first
        shutil.rmtree(part)


def _say(**told: object) -> None:
    os.write(1, (json.dumps({"trainshed": told}) + "\n").encode())


def begin(digest: str, workspace: str, folder: str = "") -> None:
    """Unpack the node part unless it is there, and become the agent."""
    home = os.path.expanduser(folder or os.environ.get("TRAINSHED_HOME") or "~/.trainshed")
    target = os.path.join(home, "node", digest)
    there = os.path.isdir(target)
    _say(there=there)
    if not there:
        archive = _exactly(int(_exactly(12)))
        try:
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
            _unpacked(archive, target)
        except OSError as error:
            _say(error=str(error))
            raise SystemExit(1) from error
        _say(error="")
    program = os.path.join(target, "trainshed", "machines", "serve.py")
    os.execv(sys.executable, [sys.executable, "-S", "-E", "-X", "utf8", program, home, workspace])  # noqa: S606
