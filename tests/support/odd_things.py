"""What a script may leave in the place of a file: kinds of odd things, and how to make them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

USER = 54321
KINDS = {
    "fifo": "a named pipe",
    "socket": "a socket",
    "folder": "",
    "link to a folder": "a link",
    "link to a file": "a link",
    "link to itself": "a link",
    "link to nothing": "a link",
    "link to a device": "a link",
    "sparse": "empty space",
    "unreadable": "",
    "empty": "",
    "half": "",
    "another type": "",
    "nothing": "",
}
"""Kind → words by which users are told of it where a file of theirs should be; ``""`` where there is nothing to tell."""

_MAKE = """
import os, shutil, socket
kind, path = {kind!r}, {path!r}
os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
if os.path.isdir(path) and not os.path.islink(path):
    shutil.rmtree(path)
elif os.path.lexists(path):
    os.remove(path)
if kind == 'fifo':
    os.mkfifo(path)
elif kind == 'socket':
    here = os.open(os.path.dirname(path) or '.', os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind('/proc/self/fd/%d/%s' % (here, os.path.basename(path)))
    os.close(here)
elif kind == 'folder':
    os.makedirs(path + '/in/it')
    open(path + '/in/it/file', 'w').close()
elif kind == 'link to a folder':
    os.symlink('/proc/self', path)
elif kind == 'link to a file':
    os.symlink('/etc/passwd', path)
elif kind == 'link to itself':
    os.symlink(os.path.basename(path), path)
elif kind == 'link to nothing':
    os.symlink('nothing/there', path)
elif kind == 'link to a device':
    os.symlink('/dev/zero', path)
elif kind == 'sparse':
    with open(path, 'wb') as file:
        file.truncate(1 << 40)
elif kind != 'nothing':
    with open(path, 'wb') as file:
        file.write(dict(half=b'{{"pid"', **{{'another type': b'{{"pid": "x", "phase": [], "outcome": 1}}\\n'}}).get(kind, b''))
    if kind == 'unreadable':
        os.chmod(path, 0)
"""


def source(kind: str, path: str) -> str:
    """Return a program that puts a thing of a kind at a path, in the place of what is there."""
    return _MAKE.format(kind=kind, path=path)


def make(kind: str, path: str | os.PathLike[str]) -> None:
    """Put a thing of a kind at a path, in the place of what is there."""
    exec(source(kind, os.fspath(path)), {})


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Be a user whom permissions bind, where the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(USER)
    try:
        yield
    finally:
        os.seteuid(before)
