"""How the run that replaces a web service's run gets its listening socket, so that no request is lost.

The keeper of a service (:mod:`trainshed.runtime.scoring`) listens at a Unix socket whose name only depends on the
service. The keeper of the next version asks there for the listening socket, which both have from then on: a connection
that one of them does not accept is accepted by the other. When the next version is ready, it says so there, and the one
before answers what it has accepted, and ends. Trainshed's own service has no part in this, and may be dead meanwhile.
"""

import array
import contextlib
import errno
import hashlib
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Callable, Optional, Tuple

_HERE = "127.0.0.1"
_SOCKET, _OTHER_PORT, _NEWER, _TAKE, _YOURS = b"S", b"O", b"N", b"T", b"Y"
_PATIENCE = 10.0
_PAUSE = 0.05
_PORT_SECONDS = 60.0
_QUEUE = 512


class Replaced(Exception):
    """A later version of the service answers already."""


class Place:
    """Where the versions of a service find each other, on one machine.

    Args:
        secret: what only this service knows; its versions have the same.
        generation: number of this version: the greater, the later.
        port: port of the loopback address at which the service answers.
    """

    def __init__(self, secret: str, generation: int, port: int) -> None:
        name = "trainshed-" + hashlib.sha256(secret.encode()).hexdigest()[:24]
        # On Linux it is no file, which a container would not have and a kill would leave behind.
        self._address = "\0" + name if sys.platform == "linux" else os.path.join(tempfile.gettempdir(), name)
        self._generation = generation
        self._port = port
        self._lock = threading.Lock()
        self._old: "Optional[socket.socket]" = None
        self._door: "Optional[socket.socket]" = None
        self.listener = self._listen()

    def _listen(self) -> socket.socket:
        """Return the listening socket: that of the version before, if there is one and its port is the same."""
        deadline = time.monotonic() + _PORT_SECONDS
        while True:
            listener = self._asked() or socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                if not listener.getsockname()[1]:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind((_HERE, self._port))
                    listener.listen(_QUEUE)
                listener.setblocking(False)
                return listener
            except OSError as error:
                # The processes of a version that was killed may need a moment to end.
                listener.close()
                if time.monotonic() > deadline:
                    raise SystemExit(
                        "Port {} is used by another program ({}). Deploy the service with another port.".format(
                            self._port, error
                        )
                    ) from error
                time.sleep(_PAUSE)

    def _asked(self) -> "Optional[socket.socket]":
        """Ask the version before for its listening socket.

        Raises:
            Replaced: it is a later one.
        """
        old = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old.settimeout(_PATIENCE)
        try:
            old.connect(self._address)
            if not self._is_ours(old):
                old.close()
                return None
            old.sendall(json.dumps({"generation": self._generation, "port": self._port}).encode() + b"\n")
            said, descriptor = _received(old)
        except OSError:
            old.close()
            return None
        if said == _NEWER:
            raise Replaced
        if said not in (_SOCKET, _OTHER_PORT):
            old.close()
            return None
        self._old = old
        return None if descriptor is None else socket.socket(fileno=descriptor)

    def take_over(self, retire: "Callable[[], None]") -> None:
        """Have the version before end, now that this one answers; then wait for the next one.

        Args:
            retire: called once, when the next version answers.

        Raises:
            Replaced: a later version answers already.
        """
        while self._old is not None:
            old, self._old = self._old, None
            with contextlib.suppress(OSError), old:
                old.sendall(_TAKE)
                if old.recv(1) == _YOURS:
                    break
            again = self._asked()  # it has died, or has been replaced by yet another
            if again is not None:
                again.close()
        threading.Thread(target=self._wait, args=(retire,), name="handover", daemon=True).start()

    def _wait(self, retire: "Callable[[], None]") -> None:
        self._door = door = self._opened()
        while True:
            try:
                caller, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=self._hand_over, args=(caller, retire), daemon=True).start()

    def _opened(self) -> socket.socket:
        """Return a socket at the address, which the version before may need a moment to give up."""
        while True:
            door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                door.bind(self._address)
                if self._address[0] != "\0":
                    os.chmod(self._address, 0o600)
                door.listen(8)
                return door
            except OSError as error:
                door.close()
                if error.errno == errno.EADDRINUSE and self._address[0] != "\0":
                    with contextlib.suppress(OSError):
                        os.unlink(self._address)
                time.sleep(_PAUSE)

    def _hand_over(self, caller: socket.socket, retire: "Callable[[], None]") -> None:
        with contextlib.suppress(OSError, ValueError), caller:
            if not self._is_ours(caller):
                return
            caller.settimeout(_PATIENCE)
            asked = json.loads(caller.makefile().readline())
            if asked["generation"] < self._generation:
                caller.sendall(_NEWER)
                return
            if asked["port"] == self._port:
                passed = array.array("i", [self.listener.fileno()])
                caller.sendmsg([_SOCKET], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
            else:
                caller.sendall(_OTHER_PORT)
            caller.settimeout(None)
            if caller.recv(1) != _TAKE or not self._gave():
                return
            retire()
            caller.sendall(_YOURS)

    def _gave(self) -> bool:
        """Give the address up; False if another version has it already."""
        with self._lock:
            door, self._door = self._door, None
        if door is None:
            return False
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        return True

    def _is_ours(self, other: socket.socket) -> bool:
        """Tell whether the other end belongs to the same user."""
        if sys.platform != "linux":
            return os.stat(self._address).st_uid == os.geteuid()
        size = struct.calcsize("3i")
        _, user, _ = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return bool(user == os.geteuid())


def _received(old: socket.socket) -> "Tuple[bytes, Optional[int]]":
    """Return what the version before says, and the descriptor that comes with it."""
    size = array.array("i").itemsize
    said, more, _, _ = old.recvmsg(1, socket.CMSG_LEN(size))
    for level, kind, data in more:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(data) >= size:
            got = array.array("i")
            got.frombytes(data[:size])
            return said, got[0]
    return said, None
