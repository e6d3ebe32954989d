"""Shell command lines for another machine, whatever the login shell: one line, quoted so that all shells agree.

The line is given to ``/bin/sh``. It contains no single quote, no exclamation mark and no line break, with which csh and
fish do not do what others do.
"""

from __future__ import annotations

import re

from trainshed.machines.ways import Place

NO_PYTHON = b"trainshed: no python"
"""Begins the line that the other side writes where it has found no Python that will do."""
ENDED = b"trainshed: ended"
"""Begins the last line of :func:`receive`, with the exit code."""
DAMAGED = 64
_FORBIDDEN = re.compile(r"[^A-Za-z0-9 ._/~+@:,=%-]")
# Read whole before anything is executed, so that no byte meant for the agent is taken for program text.
_READ = (
    "import os;r=lambda n,d=bytes():d if len(d)>=n else r(n,d+(os.read(0,n-len(d))or os._exit(1)));exec(r(int(r(12))))"
)
_VERSIONS = " ".join(f"python3.{minor}" for minor in range(14, 7, -1))


def unquotable(path: str) -> str:
    """Return a character of a path that cannot be written in such a line, or ``""``."""
    found = _FORBIDDEN.search(path)
    return found[0] if found else ""


def _line(script: str) -> str:
    return f"exec /bin/sh -c '{script}'"


def _home(place: Place) -> str:
    folder = place.folder
    if folder.startswith("~/"):
        folder = f"$HOME/{folder[2:]}"
    return f'H="{folder}";' if folder else 'H="${TRAINSHED_HOME:-$HOME/.trainshed}";'


def begin(place: Place) -> str:
    """Return the line that starts the first Python that will do; it then reads a program from its input."""
    named = f"$HOME/{place.python[2:]}" if place.python.startswith("~/") else place.python
    first = f'"{named}"' if named else "python3"
    brought = '"$H"/python/*/bin/python3 "$H"/python/*/*/bin/python3'
    more = "" if named else f"{_VERSIONS} python {brought}"
    return _line(
        f"{_home(place)} for p in {first} {more}; do "
        # By its exit code a Python is known: other programs ignore the argument, and are content.
        '"$p" -S -E -c "import sys;sys.exit(42*(sys.version_info>=(3,8)))" </dev/null 2>/dev/null; '
        f'[ $? = 42 ] && exec "$p" -S -E -c "{_READ}"; done; '
        f'echo "{NO_PYTHON.decode()}|$(uname -s)|$(uname -m)|$({first} -V 2>&1)|$(ldd --version 2>&1 | head -n 1)|"; '
        "exit 127"
    )


UNPACK = (
    'mkdir -p "$H/python/$s.part" && tar -xof "$f" -C "$H/python/$s.part" && rm -rf "$H/python/$s" && '
    'mv "$H/python/$s.part" "$H/python/$s" && rm -f "$f"'
)
"""Unpacks a Python, for :func:`receive`."""
UV_PYTHON = (
    'chmod 700 "$f" && mkdir -p "$H/tools" && cp "$f" "$H/tools/uv.part" && mv "$H/tools/uv.part" "$H/tools/uv" && '
    'UV_CACHE_DIR="$H/uv-cache" UV_PYTHON_INSTALL_BIN=0 UV_PYTHON_INSTALL_DIR="$H/python" '
    '"$H/tools/uv" python install --no-config VERSION && rm -f "$f"'
)
"""Keeps uv and has it download a Python, for :func:`receive`."""


def receive(place: Place, sha: str, size: int, then: str) -> str:
    """Return the line that takes a file in, goes on where an earlier one has stopped, and then does something with it.

    It first writes ``trainshed: has N``, the bytes that are there. The file is ``$f``, its hash ``$s``. It ends with
    64 if the file is not what its hash says; the code is in the last line that it writes.

    Args:
        place: where Trainshed is there.
        sha: SHA-256 of the file.
        size: of the file.
        then: a command line without what this module forbids.
    """
    return _line(
        f'umask 077; {_home(place)} ( s={sha}; f="$H/incoming/$s"; mkdir -p "$H/incoming" "$H/python" || exit 1; '
        'n=0; [ -f "$f" ] && n=$(wc -c < "$f"); echo "trainshed: has $n"; cat >> "$f" || exit 1; '
        # Short of its size, the line was cut, and what is there is kept.
        f'[ $(wc -c < "$f") -ge {size} ] || exit 1; '
        'set -- $(sha256sum < "$f"); [ "$1" = "$s" ] || { rm -f "$f"; '
        f"exit {DAMAGED}; }}; "
        f'{then} ); echo "{ENDED.decode()} $?"'
    )
