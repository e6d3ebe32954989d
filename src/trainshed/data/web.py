"""Files at web addresses: downloaded once, and kept under the hash of the address and that of the content.

A folder for web files has one folder for each address, named by its SHA-256::

    kept.json            what was downloaded last: {"etag", "date", "sha256", "size", "written"}
    <SHA-256>/<name>     the content; a newer one is put beside it, because runs may still read the older one
    part, part.json      what was received of a download that was cut off, and of which version of the file
    lock                 held by the process that asks the server

At each use the server is asked whether the file has changed. What is kept is used if it has not, or if the server
cannot be reached.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import http.client
import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, Optional

from trainshed.data.addresses import checked, folder_of, relative, shown
from trainshed.errors import NotFoundException, TrainshedError, UserErrorException
from trainshed.system import files
from trainshed.version import VERSION

_CHUNK = 1 << 18
_TIMEOUT = 60.0
_TIMEOUT_OF_CHECKS = 15.0
_PAUSES = (0.5, 2.0)
"""Seconds before each further attempt. One that received something is followed by another at once."""
_AGAIN = (408, 429, 500, 502, 503, 504)
_BETWEEN_LINES = 5.0


def check(address: str, root: str) -> None:
    """Check that a file can be downloaded, unless it is kept already.

    Args:
        address: its address.
        root: folder for web files.

    Raises:
        NotFoundException: there is no such file.
        UserErrorException: the server does not give the file, or cannot be reached.
    """
    download = _Download(address, root, lambda _: None, lambda: None)
    if download.kept() is None:
        download.attempts(lambda: download.request({}, _TIMEOUT_OF_CHECKS).close())


def fetch(address: str, root: str, say: Callable[[str], object], go_on: Callable[[], None] = lambda: None) -> str:
    """Return the path of a web file, which is downloaded unless the kept one is the current one.

    Args:
        address: its address.
        root: folder for web files.
        say: called with messages for the user.
        go_on: called for each received piece; what it raises ends the download, which the next use resumes.

    Raises:
        NotFoundException: there is no such file.
        UserErrorException: the server does not give the file, or cannot be reached, and none is kept.
    """
    download = _Download(address, root, say, go_on)
    os.makedirs(download.folder, mode=0o700, exist_ok=True)
    with open(os.path.join(download.folder, "lock"), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds the file that the first one has downloaded
        return download.current()


class _InterruptedError(Exception):
    """The server could not be reached, or the connection ended before the file did."""


class _Download:
    def __init__(self, address: str, root: str, say: Callable[[str], object], go_on: Callable[[], None]) -> None:
        self._address, self._say, self._go_on = checked(address), say, go_on
        self.folder = os.path.join(root, folder_of(self._address))
        self._part = os.path.join(self.folder, "part")
        self._name = os.path.basename(relative(address)).encode()[-200:].decode(errors="ignore")

    def kept(self) -> Optional[Dict[str, Any]]:
        """Return what is known of the kept file, or None if there is none, or somebody has changed it."""
        known = files.read_json(os.path.join(self.folder, "kept.json"))
        try:
            facts = os.stat(self._path(known))
        except (OSError, KeyError):
            return None
        return known if (facts.st_size, facts.st_mtime_ns) == (known["size"], known["written"]) else None

    def _path(self, known: Dict[str, Any]) -> str:
        return os.path.join(self.folder, known["sha256"], self._name)

    def current(self) -> str:
        """Return the path of the current content, downloading it if necessary."""
        kept = self.kept()
        try:
            new = self.attempts(lambda: self._receive(kept))
        except UserErrorException as error:
            if kept is None:
                raise
            self._say(f"{error.message} The file that was downloaded before is used.")
            new = False
        known = self._keep() if new else dict(kept or {})
        path = self._path(known)
        os.utime(path)  # keeps trainshed gc from deleting it
        os.utime(os.path.dirname(path))
        known["written"] = os.stat(path).st_mtime_ns
        files.write_json(os.path.join(self.folder, "kept.json"), known)
        return path

    def attempts(self, action: Callable[[], Any]) -> Any:
        """Do something that may fail for a moment, several times, and return its result."""
        pauses = iter(_PAUSES)
        while True:
            before = self._received()
            try:
                return action()
            except _InterruptedError as error:
                problem = error
            if self._received() > before:
                pauses = iter(_PAUSES)
                self._say(f"{shown(self._address)}: {problem}. The download is resumed.")
                continue
            pause = None if _is_unknown_host(problem) and not before else next(pauses, None)
            if pause is None:
                raise UserErrorException(f"{shown(self._address)} cannot be downloaded: {problem}.") from problem
            time.sleep(pause)

    def request(self, headers: Dict[str, str], timeout: float = _TIMEOUT) -> Any:
        """Return the server's answer, or None if the file has not changed."""
        sent = {"User-Agent": f"trainshed/{VERSION}", "Accept-Encoding": "identity", **headers}
        request = urllib.request.Request(self._address, headers=sent)  # noqa: S310 - it is checked
        try:
            return urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 304:
                return None
            if error.code == 416:  # the part is not one of this file
                os.unlink(self._part)
                raise _InterruptedError("The file has changed") from error
            if error.code in _AGAIN:
                raise _InterruptedError(f"the server answers {error.code} {error.reason}") from error
            raise self._refusal(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _InterruptedError(_told(error)) from error

    def _refusal(self, error: urllib.error.HTTPError) -> TrainshedError:
        answer = f"{error.code} {error.reason}"
        if error.code in (404, 410):
            return NotFoundException(f"There is no file at {shown(self._address)} ({answer}). Correct the address.")
        return UserErrorException(
            f"The server does not give {shown(self._address)} ({answer}). Download the file yourself and use its path."
        )

    def _received(self) -> int:
        return os.path.getsize(self._part) if os.path.exists(self._part) else 0

    def _receive(self, kept: Optional[Dict[str, Any]]) -> bool:
        """Receive the rest of the file; return whether there is anything new."""
        received, version = self._received(), files.read_json(f"{self._part}.json").get("version")
        headers = {}
        if received and version:
            headers = {"Range": f"bytes={received}-", "If-Range": version}
        elif kept and kept["etag"]:
            headers = {"If-None-Match": kept["etag"]}
        elif kept and kept["date"]:
            headers = {"If-Modified-Since": kept["date"]}
        answer = self.request(headers)
        if answer is None:
            return False
        with answer:
            if answer.status != 206 or f"bytes {received}-" not in answer.headers.get("Content-Range", ""):
                received = 0
                self._begin(answer.headers)
            self._copy(answer, received)
        return True

    def _begin(self, headers: Any) -> None:
        etag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
        version = date if not etag or etag.startswith("W/") else etag  # a weak one does not tell bytes apart
        encoding = headers.get("Content-Encoding", "")
        about = {"etag": etag, "date": date, "version": version, "encoding": encoding}
        files.write_json(f"{self._part}.json", about)

    def _copy(self, answer: Any, received: int) -> None:
        length = answer.headers.get("Content-Length")
        total = received + int(length) if length else None
        self._say(f"Downloading {shown(self._address)}" + (f" ({_size(total)})" if total else ""))
        told = time.monotonic()
        with open(self._part, "r+b" if received else "wb") as part:
            part.seek(received)
            part.truncate()
            for piece in iter(lambda: _next(answer), b""):
                part.write(piece)
                received += len(piece)
                self._go_on()
                if time.monotonic() - told > _BETWEEN_LINES:
                    told = time.monotonic()
                    self._say(f"{shown(self._address)}: {_size(received)}{_of(total)} downloaded")
        if total is not None and received < total:
            raise _InterruptedError(f"the connection ended after {_size(received)}{_of(total)}")

    def _keep(self) -> Dict[str, Any]:
        about = files.read_json(f"{self._part}.json")
        if about["encoding"] in ("gzip", "x-gzip"):
            with gzip.open(self._part) as packed, files.replacing(f"{self._part}.plain", files.PRIVATE) as plain:
                shutil.copyfileobj(packed, plain, _CHUNK)
            os.replace(f"{self._part}.plain", self._part)
        digest = hashlib.sha256()
        with open(self._part, "rb") as part:
            for piece in iter(lambda: part.read(_CHUNK), b""):
                digest.update(piece)
                self._go_on()
            os.fsync(part.fileno())
        known = {name: about[name] for name in ("etag", "date")}
        known.update(sha256=digest.hexdigest(), size=os.path.getsize(self._part))
        path = self._path(known)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.replace(self._part, path)
        return known


def _next(answer: Any) -> bytes:
    try:
        piece: bytes = answer.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(_told(error)) from error
    return piece


def _is_unknown_host(problem: _InterruptedError) -> bool:
    """Tell whether there is no such host, or no network: trying again would only take time."""
    return isinstance(getattr(problem.__cause__, "reason", None), socket.gaierror)


def _told(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 50_000 else f"{count} bytes"


def _of(total: Optional[int]) -> str:
    return "" if total is None else f" of {_size(total)}"
