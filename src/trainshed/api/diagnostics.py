"""Debug logging of the client to a file."""

from __future__ import annotations

from typing import Any


class diagnostic_log:  # noqa: N801 - v1's name
    """Context manager that writes the client's debug log to a file.

    Args:
        log_path: path of the log file. Default: ``"diagnostic_log.txt"``.
        context_name: ignored.

    Example:
        >>> with diagnostic_log("log.txt"):
        ...     run.get_status()
        'Completed'
    """

    def __init__(self, log_path: str | None = None, context_name: str | None = None) -> None:
        import logging

        self._path = log_path or "diagnostic_log.txt"
        self._logger = logging.getLogger("trainshed")
        self._handler: Any = None
        self._level = self._logger.level

    def start_capture(self) -> None:
        """Start writing to the log file."""
        import logging

        self._handler = logging.FileHandler(self._path)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._level = self._logger.level
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self._handler)

    def stop_capture(self) -> None:
        """Stop writing and close the log file."""
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)
        self._handler.close()

    def __enter__(self) -> diagnostic_log:  # noqa: PYI034 - Self came with Python 3.11
        """Start writing to the log file."""
        self.start_capture()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop writing and close the log file."""
        self.stop_capture()
