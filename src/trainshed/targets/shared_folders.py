"""Folders that a target is said to share with the service's machine, whose data is used in place."""

from __future__ import annotations

import os
import secrets

from trainshed.errors import ServiceException, UserErrorException
from trainshed.machines.machine import Machine
from trainshed.targets.kind import Record


def check_shared(record: Record) -> None:
    """Raise if the setting ``shared`` of a target names anything but folders of this machine."""
    for path in record.get("shared", ()):
        if not isinstance(path, str) or os.path.normpath(path) != path or not os.path.isabs(path) or path == "/":
            raise UserErrorException(
                f"Target '{record['name']}': shared is {record['shared']!r}; give a list of absolute paths of folders "
                "that are the same on this machine and there, such as ['/data']."
            )
        if not os.path.isdir(path):
            raise UserErrorException(
                f"Target '{record['name']}': '{path}' is said to be shared, and there is no such folder on the "
                "service's machine."
            )


def check_seen(machine: Machine, host: str, folder: str) -> None:
    """Raise if a folder is not the same here and on a machine; if nothing can be written here, it has to be there.

    Args:
        machine: the machine.
        host: its name.
        folder: the folder.

    Raises:
        ServiceException: it is another one there, or missing.
    """
    mark = os.path.join(folder, f".trainshed-{secrets.token_hex(8)}")
    made = True
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except OSError:
        made = False
    try:
        if machine.run(["test", "-e", mark if made else folder]).code:
            raise ServiceException(
                f"'{folder}' is said to be shared, but {host} "
                + (f"does not see a file that was made there ({mark})" if made else "has no such folder")
                + ". Leave it out, or mount it there."
            )
    finally:
        if made:
            os.unlink(mark)
