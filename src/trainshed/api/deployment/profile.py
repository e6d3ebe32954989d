"""Profiles: what a model needs to answer the requests of a dataset, measured."""

from __future__ import annotations

import datetime as dt
import http.client
import math
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trainshed.client.http import quoted
from trainshed.client.notice import say
from trainshed.errors import TrainshedError, UserErrorException, WebserviceException
from trainshed.spec.checks import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainshed.api.deployment.inference_config import InferenceConfig
    from trainshed.api.deployment.running_service import RunningService
    from trainshed.api.protocols import WorkspaceLike

_LONGEST_NAME = 40
_PATIENCE = 310
_LOOK = 0.2
"""Seconds between two looks at what the process uses."""
_GB = 1e9
_PERCENTILES = {"50": 0.5, "90": 0.9, "95": 0.95, "99": 0.99, "999": 0.999}
_ROOM = 1.25
"""Recommended memory, as a multiple of what was used."""


class ModelProfile:
    """What a model needs to answer the requests of a dataset. Created by :meth:`Model.profile`.

    Args:
        workspace: workspace of the model.
        name: name of the profile.
        **kwargs: what :meth:`Model.profile` passes.

    Raises:
        WebserviceException: another program has created the profile; profiles are not stored.
    """

    def __init__(self, workspace: WorkspaceLike, name: str, **kwargs: Any) -> None:
        if "_service" not in kwargs:
            raise WebserviceException(
                f"A profile exists only in the program that creates it: {name} = Model.profile(…). Its figures are in "
                "get_details()."
            )
        self.workspace = workspace
        self.name = name
        self.description: str | None = kwargs["_description"]
        self.created_time = dt.datetime.now(dt.timezone.utc)
        self.state, self.error = "Running", ""
        self._service: RunningService = kwargs["_service"]
        self._requested: dict[str, Any] = kwargs["_requested"]
        self._figures: dict[str, Any] = {}
        requests: list[bytes] = kwargs["_requests"]
        # The program does not end before it has, so that no service is left behind.
        self._thread = threading.Thread(target=self._profile, args=(requests,), name="profile")
        self._thread.start()

    def _profile(self, requests: Sequence[bytes]) -> None:
        try:
            self._service.wait_for_deployment()
            self._figures = Measurement(self._service).of(requests)
            self.state = "Succeeded"
        except (TrainshedError, OSError, http.client.HTTPException) as error:
            self.state, self.error = "Failed", str(getattr(error, "message", error))
        finally:
            try:
                self._service.delete()
            except (TrainshedError, OSError) as error:
                self.error = self.error or str(error)

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Wait until all requests have been sent.

        Args:
            show_output: print the figures.

        Raises:
            WebserviceException: the model could not be deployed.
        """
        self._thread.join()
        if self.state == "Failed":
            raise WebserviceException(f"The profile '{self.name}' failed: {self.error}")
        if show_output:
            width = max(len(name) for name in self._figures)
            for name, value in self._figures.items():
                say(f"{name:{width}}  {value:.4g}")

    def wait_for_profiling(self, show_output: bool = False) -> None:
        """Former name of :meth:`wait_for_completion`."""
        self.wait_for_completion(show_output)

    def get_details(self) -> dict[str, Any]:
        """Return what was measured, once :meth:`wait_for_completion` has returned.

        ``totalQueries`` and ``successQueries``; ``successRate`` in percent; ``averageLatencyInMs``,
        ``latencyPercentile50InMs`` to ``latencyPercentile999InMs``, of requests one after the other;
        ``measuredQueriesPerSecond``; ``maxUtilizedCpu`` in cores and ``maxUtilizedMemory`` in GB;
        ``recommendedCpu`` and ``recommendedMemoryInGB``, which have a little room.
        """
        details = {"name": self.name, "state": self.state, "createdTime": self.created_time, **self._requested}
        return {**details, **self._figures, **({"error": self.error} if self.error else {})}

    def serialize(self) -> dict[str, Any]:
        """Return the profile as a JSON-serializable dict."""
        return {**self.get_details(), "createdTime": self.created_time.isoformat(), "description": self.description}

    def __repr__(self) -> str:
        return f"ModelProfile(workspace={self.workspace!r}, name={self.name!r}, state={self.state!r})"


class Measurement:
    """Sends requests to a web service, one after the other, and measures.

    Args:
        service: the service, which answers.
    """

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._memory, self._cores = 0.0, 0.0
        self._before: tuple[float, float] | None = None

    def of(self, requests: Sequence[bytes]) -> dict[str, Any]:
        """Return the figures.

        Args:
            requests: bodies of the requests.
        """
        self._look()
        began, looked, times, good = time.perf_counter(), time.perf_counter(), [], 0
        for took, fine in self._sent(requests):
            times.append(1000 * took)
            good += fine
            if time.perf_counter() - looked > _LOOK:
                self._look()
                looked = time.perf_counter()
        spent = time.perf_counter() - began
        self._look()
        times.sort()
        figures = {
            "totalQueries": len(times),
            "successQueries": good,
            "successRate": 100 * good / len(times),
            "averageLatencyInMs": sum(times) / len(times),
        }
        for name, part in _PERCENTILES.items():
            figures[f"latencyPercentile{name}InMs"] = times[min(math.ceil(part * len(times)), len(times)) - 1]
        return {
            **figures,
            "measuredQueriesPerSecond": len(times) / spent,
            "maxUtilizedCpu": self._cores,
            "maxUtilizedMemory": self._memory / _GB,
            "recommendedCpu": max(math.ceil(10 * self._cores) / 10, 0.1),
            "recommendedMemoryInGB": max(math.ceil(10 * _ROOM * self._memory / _GB) / 10, 0.1),
        }

    def _sent(self, requests: Sequence[bytes]) -> Iterator[tuple[float, bool]]:
        place = urlsplit(self._service.scoring_uri)
        headers = {"Authorization": f"Bearer {self._service.get_keys()[0]}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(str(place.hostname), int(place.port or 0), timeout=_PATIENCE)
        try:
            for body in requests:
                began = time.perf_counter()
                connection.request("POST", place.path, body, headers)
                answer = connection.getresponse()
                answer.read()
                yield time.perf_counter() - began, answer.status == http.client.OK
        finally:
            connection.close()

    def _look(self) -> None:
        """Have the process of the service say what it uses."""
        path = quoted("webservices", self._service.name, "requests")
        told = self._service.workspace.connection.call("GET", path)["requests"]
        if told is None:
            return
        now = time.perf_counter()
        if self._before is not None and now > self._before[1]:
            self._cores = max(self._cores, (told["cpu"] - self._before[0]) / (now - self._before[1]))
        self._before = told["cpu"], now
        self._memory = max(self._memory, float(told["memory"]))


def profile(
    workspace: WorkspaceLike,
    name: str,
    models: Any,
    inference_config: InferenceConfig | None,
    input_dataset: Any,
    requested: dict[str, Any],
    description: str | None,
) -> ModelProfile:
    """Start to profile models; see :meth:`trainshed.api.data.model.Model.profile`."""
    if not is_name(name, "-", _LONGEST_NAME):
        raise UserErrorException(
            f"Invalid name of a profile: {name!r}. Use letters, digits and '-', with a letter or digit first, and at "
            f"most {_LONGEST_NAME} characters."
        )
    requests = _requests(input_dataset)
    service = f"profile-{name}-{secrets.token_hex(4)}"
    deployed = workspace._deploy(service, models, inference_config, None, False, None)
    return ModelProfile(
        workspace, name, _service=deployed, _requests=requests, _requested=requested, _description=description
    )


def _requests(dataset: Any) -> list[bytes]:
    if not hasattr(dataset, "to_pandas_dataframe"):
        raise UserErrorException(
            f"input_dataset is a {type(dataset).__name__}. Pass a TabularDataset with one column, whose values are the "
            "bodies of requests."
        )
    frame = dataset.to_pandas_dataframe()
    if len(frame.columns) != 1 or not len(frame):
        raise UserErrorException(
            f"input_dataset has {len(frame.columns)} columns and {len(frame)} rows. It must have one column, whose "
            "values are the bodies of requests, and a row for each."
        )
    return [str(value).encode() for value in frame[frame.columns[0]]]
