"""Recording of metrics and files for runs logged from outside their scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainshed.api.transfer import opened
from trainshed.client.http import quoted
from trainshed.errors import ServiceException, UserErrorException
from trainshed.runtime import errors
from trainshed.runtime.journal import Journal
from trainshed.runtime.run import Run as Journalist

if TYPE_CHECKING:
    from trainshed.client.http import Connection


class Recorder(Journalist):
    """Writes events directly to the run's journal, and uploads files to the service.

    Args:
        journal: path of the journal.
        run_id: id of the run.
        experiment: name of the experiment.
        connection: connection to the service.
    """

    def __init__(self, journal: str, run_id: str, experiment: str, connection: Connection) -> None:
        super().__init__(os.path.dirname(journal), run_id, experiment)
        self._path, self._journal = journal, Journal(journal)
        self._connection = connection
        self.strict = True

    def _keep_file(self, name: str, path: str | None, stream: object) -> bool:
        source: Any = stream if path is None else path
        with opened(source) as (body, size):
            try:
                self._connection.upload("PUT", quoted("runs", self.id, "files", name), body, size)
            except UserErrorException:
                return False  # the run already has a file with this name
            except ServiceException as error:
                errors.warn(f"'{name}' could not be uploaded ({error}); training continues.")
                return True
        self._record("file", name, None)
        return True


class RemoteRecorder(Recorder):
    """Writes events to a local journal, which is sent to the service in the background.

    Args:
        journal: path of the local journal.
        run_id: id of the run.
        experiment: name of the experiment.
        connection: connection to the service.
        wake: called after each write, to start sending.
    """

    def __init__(
        self, journal: str, run_id: str, experiment: str, connection: Connection, wake: Callable[[], None]
    ) -> None:
        super().__init__(journal, run_id, experiment, connection)
        self._wake = wake

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Log a value of a metric; see :meth:`trainshed.Run.log`."""
        super().log(*args, **kwargs)
        self._wake()

    def _record(self, kind: str, name: str, value: object) -> None:
        super()._record(kind, name, value)
        self._wake()
