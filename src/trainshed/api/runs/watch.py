"""Watching a run to its end, and showing what it prints."""

from __future__ import annotations

import sys

from trainshed.client.follow import follow, wait
from trainshed.errors import TYPE_CHECKING, ActivityFailedException, ExperimentExecutionException
from trainshed.spec import layout, states

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trainshed.api.protocols import RunLike
    from trainshed.api.runs.details import Details


def watch(run: RunLike, show_output: bool, raise_on_error: bool) -> Details:
    """Return a run's details when it has ended.

    Args:
        run: the run.
        show_output: print its logs as they come, and a summary.
        raise_on_error: raise if it failed; otherwise the failure is printed.

    Raises:
        ActivityFailedException: it failed.
        ExperimentExecutionException: interrupted by Ctrl-C.
    """
    connection = run.experiment.workspace.connection
    try:
        if show_output:
            _show(run)
        record = wait(connection, run.id)
    except KeyboardInterrupt:
        raise ExperimentExecutionException(
            f"Watching run {run.id} was interrupted; the run continues. "
            f"To stop it: run.cancel() or 'trainshed cancel {run.id}'. To watch it again: 'trainshed logs -f "
            f"{run.id}'."
        ) from None
    run._record = record
    details: Details = run.get_details()
    if show_output:
        _summary(run, details)
    if record["status"] == states.FAILED:
        error = record["details"].get("error") or {}
        if raise_on_error:
            import json

            raise ActivityFailedException(failure(run.id, error), error_details=json.dumps({"error": error}, indent=4))
        if not show_output:
            sys.stdout.write(failure(run.id, error) + "\n")
    return details


def failure(run_id: str, error: dict[str, Any]) -> str:
    """Return what is to be said of a failed run: what happened, the last lines of its log, where the rest is.

    Args:
        run_id: the run.
        error: its record's ``details["error"]``.

    Example:
        >>> failure("trial_1", {"message": "out of memory", "log": "azureml-logs/20_image_build_log.txt"})
        'Run trial_1 failed: out of memory'
    """
    lines = [f"Run {run_id} failed: {headline(error) or 'the reason is unknown'}"]
    log, tail = error.get("log") or layout.DRIVER_LOG, str(error.get("log_tail") or "").rstrip()
    if tail:
        lines += [f"The last lines of {log}:", *(f"    {line}" for line in tail.splitlines())]
    if tail or log == layout.DRIVER_LOG:
        lines.append(f"Complete log: run.download_file('{log}') or 'trainshed logs {run_id} {log}'.")
    return "\n".join(lines)


def headline(error: dict[str, Any]) -> str:
    """Return what is to be said of a failed run beside its log: no line of the log twice.

    Args:
        error: its record's ``details["error"]``.
    """
    logged = {line.strip() for line in str(error.get("log_tail") or "").splitlines()}
    lines = str(error.get("message") or "").splitlines()
    return "\n".join(line for line in lines if line.strip() not in logged).rstrip(":\n")


def _show(run: RunLike) -> None:
    connection = run.experiment.workspace.connection
    sys.stdout.write(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n")
    for name in (layout.BUILD_LOG, layout.DRIVER_LOG):
        _copy(name, follow(connection, run.id, name))


def _copy(name: str, pieces: Iterable[bytes]) -> None:
    """Print a log as it comes, byte for byte where the output takes bytes; nothing if nothing comes."""
    # A notebook's or a test's output takes text only.
    binary = getattr(sys.stdout, "buffer", None)
    decoder: Any = None
    last = b""
    for piece in pieces:
        if not last:
            title = f"Streaming {name}"
            sys.stdout.write(f"\n{title}\n{'=' * len(title)}\n")
            sys.stdout.flush()
        if binary is not None:
            binary.write(piece)
            binary.flush()
        else:
            import codecs  # a sequence of bytes that is one character may be cut between two pieces

            decoder = decoder or codecs.getincrementaldecoder("utf-8")(errors="replace")
            sys.stdout.write(decoder.decode(piece))
        last = piece
    if last and not last.endswith(b"\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


def _summary(run: RunLike, details: Details) -> None:
    lines = ["", "Execution Summary", "=================", f"RunId: {run.id}", f"Web View: {run.get_portal_url()}"]
    lines.append(f"Status: {details['status']}")
    if details["warnings"]:
        lines += ["", "Warnings:", *(f"  {warning['message']}" for warning in details["warnings"])]
    if "error" in details:
        lines += ["", "Error:", f"  {headline(details['error']['error'])}"]
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()
