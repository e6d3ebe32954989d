"""Calls of a container engine's command line, their output in the build log, and what its error messages mean."""

from __future__ import annotations

import re
import subprocess
from typing import BinaryIO, Dict, List, Mapping, NamedTuple, Optional, Sequence

from trainshed.containers.engine import DOCKER, Engine
from trainshed.errors import TrainshedError
from trainshed.system.programs import run_logged, text_of

# The engines' own messages, in lower case; the first match decides.
_WORDS = {
    "no_container_engine": (
        r"cannot connect to the docker daemon|is the docker daemon running|docker daemon socket"
        r"|cannot connect to podman|podman machine start"
    ),
    "image_architecture": (
        r"no image found in (image index|manifest list)|no matching manifest|exec format error"
        r"|does not match the (expected|specified|detected) (host )?platform"
    ),
    "registry_refused": (
        r"unauthori[sz]ed|authentication required|no basic auth|denied|forbidden|invalid username"
        r"|incorrect username|\b40[13]\b"
    ),
    "image_not_found": (
        r"manifest unknown|manifest for .* not found|name unknown|not found|no such image|image not known"
        r"|repository does not exist|\b404\b"
    ),
    "registry_unreachable": (
        r"no such host|connection refused|i/o timeout|timeout|network is unreachable|no route|tls|x509"
        r"|server gave http response|temporary failure|connection reset|\beof\b|proxyconnect"
    ),
}


class CompletedCommand(NamedTuple):
    """The result of a call of an engine.

    Attributes:
        code: its exit code.
        out: its standard output (the end of it, if it went to a log as well).
        err: its standard error; with a log it is part of ``out``.
    """

    code: int
    out: str
    err: str = ""


def ask(engine: Engine, arguments: Sequence[str], environ: Optional[Mapping[str, str]] = None) -> CompletedCommand:
    """Return the result of an engine's command.

    Args:
        engine: the engine.
        arguments: the arguments for its client.
        environ: the client's environment; None for our own.
    """
    done = subprocess.run(
        [engine.path, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=None if environ is None else dict(environ),
    )
    return CompletedCommand(done.returncode, text_of(done.stdout), text_of(done.stderr))


def run(argv: Sequence[str], log: BinaryIO) -> CompletedCommand:
    """Run an engine's client until it ends, with its output in the log as it arrives.

    Args:
        argv: the client and its arguments.
        log: file for its output.
    """
    return CompletedCommand(*run_logged(argv, log))


def meaning(words: str) -> str:
    """Return the reason that an engine's error output indicates, or ``""``.

    Args:
        words: the output.

    Example:
        >>> meaning("Error: reading manifest 1 in r/py: unauthorized: authentication required")
        'registry_refused'
    """
    # Podman reports its retries; only the final error counts.
    last = [line for line in words.lower().splitlines() if line.strip() and "retrying in" not in line]
    for reason, pattern in _WORDS.items():
        if any(re.search(pattern, line) for line in last[-6:]):
            return reason
    return ""


def essence(words: str, lines: int = 6) -> str:
    """Return the part of an engine's output that says what is wrong.

    Args:
        words: the output.
        lines: the maximum number of lines.
    """
    kept = [line.rstrip() for line in words.splitlines() if line.strip() and "retrying in" not in line]
    errors: List[str] = [line for line in kept if re.match(r"\s*(error|docker: |ERROR|invalid)", line, re.IGNORECASE)]
    return "\n".join((errors or kept)[-lines:])


def failed(engine: Engine, what: str, words: str) -> TrainshedError:
    """Return the error for an engine's command that failed.

    Args:
        engine: the engine.
        what: what could not be done.
        words: the engine's output.
    """
    if meaning(words) == "no_container_engine":
        return not_answering(engine, words)
    return TrainshedError(f"{what}:\n{essence(words)}", details("container_failed", words))


def not_answering(engine: Engine, words: str) -> TrainshedError:
    """Return the error for an engine whose daemon or machine is not running."""
    mend = "start it (sudo systemctl start docker)" if engine.kind == DOCKER else "start it (podman machine start)"
    return TrainshedError(
        f"{engine.kind} is installed ({engine.path}), but its daemon or machine does not answer: {mend}, or install "
        f"podman, which needs no daemon. Its message: {essence(words, 1)}",
        details("no_container_engine", words),
    )


def details(reason: str, words: str) -> Dict[str, object]:
    """Return an error's details: the reason, and the end of an engine's output."""
    return {"reason": reason, "last_lines": words.splitlines()[-20:]}
