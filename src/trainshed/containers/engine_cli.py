"""Runs commands of a container engine, and interprets their error messages."""

from __future__ import annotations

import re
import subprocess
from typing import BinaryIO, Dict, List, Mapping, NamedTuple, Optional, Sequence

from trainshed.containers.engine import DOCKER, Engine
from trainshed.errors import TrainshedError
from trainshed.system.programs import run_logged, text_of

# Patterns of the engines' error messages, in lower case. The first match determines the reason.
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
    """Result of an engine command.

    Attributes:
        code: exit code.
        out: standard output. If the output is also written to a log, only the end of it.
        err: standard error. If the output is also written to a log, it is part of ``out``.
    """

    code: int
    out: str
    err: str = ""


def ask(engine: Engine, arguments: Sequence[str], environ: Optional[Mapping[str, str]] = None) -> CompletedCommand:
    """Run an engine command and return its result.

    Args:
        engine: the engine.
        arguments: arguments of the engine's client.
        environ: environment variables of the client. Default: those of this process.
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
    """Run an engine command, writing its output to a log as it arrives, and return its result.

    Args:
        argv: command and arguments.
        log: file for the output.
    """
    return CompletedCommand(*run_logged(argv, log))


def meaning(output: str) -> str:
    """Return the reason for a failure, determined from the engine's error output, or ``""`` if it is unknown.

    Args:
        output: error output of the engine.

    Example:
        >>> meaning("Error: reading manifest 1 in r/py: unauthorized: authentication required")
        'registry_refused'
    """
    # Ignore podman's messages about retries.
    last = [line for line in output.lower().splitlines() if line.strip() and "retrying in" not in line]
    for reason, pattern in _WORDS.items():
        if any(re.search(pattern, line) for line in last[-6:]):
            return reason
    return ""


def essence(output: str, lines: int = 6) -> str:
    """Return the error messages in an engine's output, or its last lines if there are none.

    Args:
        output: output of the engine.
        lines: maximum number of lines.
    """
    kept = [line.rstrip() for line in output.splitlines() if line.strip() and "retrying in" not in line]
    errors: List[str] = [line for line in kept if re.match(r"\s*(error|docker: |ERROR|invalid)", line, re.IGNORECASE)]
    return "\n".join((errors or kept)[-lines:])


def failed(engine: Engine, what: str, output: str) -> TrainshedError:
    """Return the exception for a failed engine command.

    Args:
        engine: the engine.
        what: error message, without the engine's output.
        output: output of the engine.
    """
    if meaning(output) == "no_container_engine":
        return not_answering(engine, output)
    return TrainshedError(f"{what}:\n{essence(output)}", details("container_failed", output))


def not_answering(engine: Engine, output: str) -> TrainshedError:
    """Return the exception for an engine whose daemon or virtual machine is not running."""
    advice = "start it (sudo systemctl start docker)" if engine.kind == DOCKER else "start it (podman machine start)"
    return TrainshedError(
        f"{engine.kind} is installed ({engine.path}), but its daemon or machine does not answer: {advice}, or install "
        f"podman, which needs no daemon. Its message: {essence(output, 1)}",
        details("no_container_engine", output),
    )


def details(reason: str, output: str) -> Dict[str, object]:
    """Return the details of an exception: the reason, and the last lines of the engine's output."""
    return {"reason": reason, "last_lines": output.splitlines()[-20:]}
