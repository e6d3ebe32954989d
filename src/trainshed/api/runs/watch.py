"""Waiting for a run to end, and streaming its logs."""

from __future__ import annotations

import sys

from trainshed.client.follow import follow, wait
from trainshed.errors import TYPE_CHECKING, ActivityFailedException, ExperimentExecutionException
from trainshed.spec import layout, states
from trainshed.spec.run import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trainshed.api.protocols import RunLike
    from trainshed.api.runs.details import Details


reported: set[str] = set()
"""Runs whose failure this process has reported, or will report because it waits for their end."""
_just_reported: set[str] = set()
"""Runs whose failure has been reported before anybody waited for their end, who then need not be told again."""


def watch(run: RunLike, show_output: bool, raise_on_error: bool) -> Details:
    """Wait until a run has ended and return its details.

    Args:
        run: the run.
        show_output: stream the run's logs to stdout, followed by a summary.
        raise_on_error: raise an exception if the run fails; otherwise print the error.

    Raises:
        ActivityFailedException: the run failed.
        ExperimentExecutionException: Ctrl-C was pressed.
    """
    connection = run.experiment.workspace.connection
    reported.add(run.id)
    try:
        if show_output and (run._record["target"] != LOCAL or run._record["status"] == states.QUEUED):
            from trainshed.api.runs.waiting import telling  # threads take 2 ms, and this machine always answers

            with telling(connection, run.id):
                _show(run)
        elif show_output:
            _show(run)
        record = wait(connection, run.id)
    except KeyboardInterrupt:
        reported.discard(run.id)
        raise ExperimentExecutionException(
            f"Watching run {run.id} was interrupted; the run continues. "
            f"To stop it: run.cancel() or 'trainshed cancel {run.id}'. "
            f"To watch it again: 'trainshed logs -f {run.id}'."
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
        if run.id in _just_reported:
            _just_reported.discard(run.id)
        elif not show_output:
            sys.stdout.write(failure(run.id, error) + "\n")
    return details


def report(run: Any) -> None:
    """Print to stderr that a run has failed, unless this process has reported it already.

    Args:
        run: a run that has ended.
    """
    record = run.record()
    if record["status"] == states.FAILED and run.id not in reported:
        reported.add(run.id)
        _just_reported.add(run.id)
        sys.stderr.write(failure(run.id, record["details"].get("error") or {}) + "\n")
        sys.stderr.flush()


def failure(run_id: str, error: dict[str, Any]) -> str:
    """Return the message for a failed run: the error, the last lines of its log, and where to find the whole log.

    Args:
        run_id: id of the run.
        error: ``details["error"]`` of the run's record.

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
    """Return the error message of a failed run without the lines that the end of its log contains.

    Args:
        error: ``details["error"]`` of the run's record.
    """
    logged = {line.strip() for line in str(error.get("log_tail") or "").splitlines()}
    lines = str(error.get("message") or "").splitlines()
    return "\n".join(line for line in lines if line.strip() not in logged).rstrip(":\n")


def _show(run: RunLike) -> None:
    connection = run.experiment.workspace.connection
    sys.stdout.write(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n")
    for name in layout.logs_of(run.type or ""):
        _copy(name, follow(connection, run.id, name))


def _copy(name: str, pieces: Iterable[bytes]) -> None:
    """Print a log as it arrives, as bytes if stdout accepts bytes. Print nothing for an empty log."""
    # In notebooks and tests, stdout accepts only text.
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
            import codecs  # a multibyte character may be split between two pieces

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
