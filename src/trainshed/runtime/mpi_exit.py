"""Makes a script that fails under MPI end at once.

mpi4py finalises MPI when Python exits, and that waits for all ranks: a rank that fails with an exception would hang for
as long as the others wait for its messages, and the failure would not be noticed. So a script that is about to exit
with an error exits after its own exit handlers have run, and before MPI's.
"""

import atexit
import os
import sys

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

_code = 0


def install() -> None:
    """Detect how this Python is going to exit, and skip finalising MPI after an error."""
    before_hook, before_exit = sys.excepthook, sys.exit

    def hook(kind: "type[BaseException]", value: BaseException, trace: "TracebackType | None") -> None:
        global _code  # noqa: PLW0603 - one exit code a process
        _code = 1
        before_hook(kind, value, trace)

    def leave(status: object = None) -> "NoReturn":
        global _code  # noqa: PLW0603
        _code = 0 if status is None else status & 0xFF if isinstance(status, int) else 1
        before_exit(status)  # type: ignore[arg-type]

    sys.excepthook, sys.exit = hook, leave
    # Exit handlers run in reverse order: registered first, this one runs last.
    atexit.register(_leave)


def _leave() -> None:
    if _code and "mpi4py.MPI" in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue
        os._exit(_code)
