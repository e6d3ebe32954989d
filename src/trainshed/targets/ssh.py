"""The kind of target that is a host reached by the user's own OpenSSH."""

from __future__ import annotations

import os
import re

from trainshed.errors import UserErrorException, did_you_mean
from trainshed.machines.far_shell import unquotable
from trainshed.machines.ssh import Ssh
from trainshed.machines.ways import Place
from trainshed.spec.shape import check_count, check_grace
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, Record
from trainshed.targets.remote import Remote
from trainshed.targets.shared_folders import check_shared
from trainshed.targets.shim_engine import ShimEngine

SSH = "ssh"
_PATIENCE = 30
_WAY: dict[str, type] = {"host": str, "user": str, "port": int, "key": str, "config": str, "reuse": bool}
_PLACE: dict[str, type] = {"folder": str, "python": str, "archive": str, "apart": str}
_FILES_HERE = ("key", "config", "archive")
_SHOWN: dict[str, type] = {
    "compute_type": str,
    "description": str,
    "tags": dict,
    "location": str,
    "created": float,
    "modified": float,
}
_SETTINGS: dict[str, type] = {**_WAY, **_PLACE, **_SHOWN, "shared": list}
_NUMBERS = ("slots", "patience", "grace_seconds")
_NAME = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9_.:%@\[\]+-]*")


class SshHost(Remote):
    """A host of the ssh configuration, or any address with user, port and key."""

    name = SSH

    def check(self, record: Record, /) -> Record:
        """Return the record if its settings can be used; see :meth:`Kind.check`."""
        known = (*_SETTINGS, *_NUMBERS)
        unknown = next((key for key in record if key not in ("name", "kind", *known)), None)
        if unknown:
            raise UserErrorException(f"An ssh target has no setting '{unknown}'.{did_you_mean(unknown, known)}")
        given = {key: value for key, value in record.items() if value is not None}
        whole = {"slots": 1, "patience": _PATIENCE, **given}
        for key, value in given.items():
            kind = _SETTINGS.get(key)
            if kind is not None and type(value) is not kind:
                raise UserErrorException(f"Target '{record['name']}': {key} is {value!r}, not a {kind.__name__}.")
        check_count("slots", whole["slots"])
        check_count("patience", whole["patience"])
        check_grace("grace_seconds", whole.get("grace_seconds"))
        check_way(whole)
        _check_place(whole)
        check_shared(whole)
        for key in _FILES_HERE:
            if whole.get(key):
                whole[key] = _file(record["name"], key, whole[key])
        return whole

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return shims on the host."""
        return ShimEngine(machines.reach(way_of(record), record["patience"], place_of(record)))


def way_of(record: Record) -> Ssh:
    """Return the way to a host from the settings of a target, which may be of another kind."""
    return Ssh(**{key: record[key] for key in _WAY if key in record})


def place_of(record: Record) -> Place:
    """Return where Trainshed is on the host."""
    return Place(**{key: record[key] for key in _PLACE if key in record})


def check_way(record: Record) -> None:
    """Raise if no way can be made of the settings of a target."""
    for key in ("host", "user"):
        value = record.get(key, "")
        if (value or key == "host") and not (isinstance(value, str) and _NAME.fullmatch(value)):
            raise UserErrorException(
                f"Target '{record['name']}': {key} is {value!r}; give a name such as "
                f"{'a host of your ssh configuration, or an address' if key == 'host' else 'the one you log in with'}."
            )
    if not 0 <= record.get("port", 0) < 1 << 16:
        raise UserErrorException(f"Target '{record['name']}': port is {record['port']}; it must be 1 to 65535.")


def _check_place(record: Record) -> None:
    for key in ("folder", "python"):
        path = record.get(key) or "/"
        if not path.startswith(("/", "~/")):
            raise UserErrorException(
                f"Target '{record['name']}': {key} is {path!r}; give a path on the host that begins with / or ~/."
            )
        odd = unquotable(path)
        if odd:
            raise UserErrorException(
                f"Target '{record['name']}': {key} is {path!r}; a path with {odd!r} cannot be used."
            )


def _file(name: str, key: str, path: str) -> str:
    whole = os.path.abspath(os.path.expanduser(path))
    if not os.path.isfile(whole):
        raise UserErrorException(
            f"Target '{name}': {key} is {path!r}, and there is no such file on the service's machine."
        )
    return whole
