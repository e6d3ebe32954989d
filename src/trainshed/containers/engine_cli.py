"""Calls of a container engine's command line, their output in the build log, and what its error messages mean."""

from __future__ import annotations

import re
import subprocess
from typing import BinaryIO, Dict, List, Mapping, NamedTuple, Optional, Sequence

from trainshed.containers.engine import DOCKER, Engine
from trainshed.errors import TrainshedError
from trainshed.system.programs import run_logged, text_of

# The engines' own words, small letters; the first that is found tells.
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
    """How a call of an engine ended.

    Attributes:
        code: its exit code.
        out: its standard output (the end of it, where it went to a log as well).
        err: its standard error; with a log it is part of ``out``.
    """

    code: int
    out: str
    err: str = ""


def ask(engine: Engine, arguments: Sequence[str], environ: Optional[Mapping[str, str]] = None) -> CompletedCommand:
    """Return what an engine replies.

    Args:
        engine: the engine.
        arguments: those of its client.
        environ: the client's environment; None: our own.
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
    """Run an engine's client to its end; what it says goes to the log as it says it.

    Args:
        argv: the client and its arguments.
        log: where its output goes.
    """
    return CompletedCommand(*run_logged(argv, log))


def meaning(words: str) -> str:
    """Return which reason an engine's words give, or ``""``.

    Args:
        words: what it said when it failed.

    Example:
        >>> meaning("Error: reading manifest 1 in r/py: unauthorized: authentication required")
        'registry_refused'
    """
    # Podman says several times that it tries again; what counts is how it ended.
    last = [line for line in words.lower().splitlines() if line.strip() and "retrying in" not in line]
    for reason, pattern in _WORDS.items():
        if any(re.search(pattern, line) for line in last[-6:]):
            return reason
    return ""


def essence(words: str, lines: int = 6) -> str:
    """Return the part of an engine's words that says what is wrong.

    Args:
        words: all that it said.
        lines: at most so many lines of it.
    """
    kept = [line.rstrip() for line in words.splitlines() if line.strip() and "retrying in" not in line]
    errors: List[str] = [line for line in kept if re.match(r"\s*(error|docker: |ERROR|invalid)", line, re.IGNORECASE)]
    return "\n".join((errors or kept)[-lines:])


def failed(engine: Engine, what: str, words: str) -> TrainshedError:
    """Return the error of an engine that could not do what it was asked.

    Args:
        engine: the engine.
        what: what could not be done.
        words: what it said.
    """
    if meaning(words) == "no_container_engine":
        return not_answering(engine, words)
    return TrainshedError(f"{what}:\n{essence(words)}", details("container_failed", words))


def not_answering(engine: Engine, words: str) -> TrainshedError:
    """Return the error of an engine whose daemon or machine does not run."""
    mend = "start it (sudo systemctl start docker)" if engine.kind == DOCKER else "start it (podman machine start)"
    return TrainshedError(
        f"{engine.kind} is installed here ({engine.path}), but what it talks to does not answer: {mend}, or install "
        f"podman, which needs no daemon. It says: {essence(words, 1)}",
        details("no_container_engine", words),
    )


def details(reason: str, words: str) -> Dict[str, object]:
    """Return an error's details: the reason, and an engine's last words."""
    return {"reason": reason, "last_lines": words.splitlines()[-20:]}
