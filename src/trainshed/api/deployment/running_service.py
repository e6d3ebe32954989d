"""What all web services can do: their state, logs and keys, and calls to them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from trainshed.api.data.model import Model
from trainshed.api.deployment import service_records
from trainshed.api.deployment.configurations import LOCAL
from trainshed.api.times import utc
from trainshed.client.http import quoted
from trainshed.client.notice import say
from trainshed.errors import NotFoundException, WebserviceException
from trainshed.spec import states

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_LOGS = ("azureml-logs/70_driver_log.txt", "azureml-logs/20_image_build_log.txt")
"""The script's log, and that of the environment, if it is all there is."""
_FIRST_POLL, _LONGEST_POLL = 0.05, 0.5
_SECONDS = 310
_SHOWN = 40
_ENDED = states.TERMINAL


class RunningService:
    """Base class of :class:`~trainshed.api.deployment.webservice.Webservice`.

    Args:
        workspace: workspace of the service.
        name: name of the service.

    Raises:
        WebserviceException: there is no such service.
    """

    def __init__(self, workspace: WorkspaceLike, name: str, **kwargs: Any) -> None:
        self.workspace = workspace
        self.name = name
        self._take(kwargs.get("_record") or service_records.find(workspace, name))

    def _take(self, record: dict[str, Any]) -> None:
        self._record = record
        self.compute_type: str = record.get("kind") or LOCAL
        self.description: str | None = record.get("description")
        self.tags: dict[str, str] = dict(record.get("tags") or {})
        self.properties: dict[str, str] = dict(record.get("properties") or {})
        self.auth_enabled: bool = bool(record["auth"]) and not record.get("open_address")
        self.port: int = record["port"]
        self.scoring_uri: str = record["scoring_uri"]
        self.swagger_uri: str = record["swagger_uri"]
        self.created_time = utc(record["created"])
        self.updated_time = utc(record["updated"])
        self.error: str | None = record.get("error")
        self.num_replicas: int = record.get("workers") or 1
        self.scoring_timeout_ms: int | None = record.get("timeout_ms")
        self.compute_name: str = record.get("target") or LOCAL.lower()
        # Not used here; SDK v1 has them.
        self.image = self.created_by = self.location = self.public_ip = self.public_fqdn = self.autoscaler = None
        self.enable_app_insights = self.token_auth_enabled = self.ssl_enabled = False
        self.image_id: str | None = record.get("image")
        self.state_: str = record["state"]

    @property
    def state(self) -> str:
        """``"Transitioning"``, ``"Healthy"``, ``"Unhealthy"`` (it died and is started again) or ``"Failed"``."""
        self.update_deployment_state()
        return self.state_

    @property
    def models(self) -> list[Model]:
        """Models of the service."""
        return [Model(self.workspace, id=each) for each in self._record["models"]]

    @property
    def run_id(self) -> str:
        """Id of the run that is the service (Trainshed extension)."""
        return str(self._record["run"])

    def update_deployment_state(self) -> None:
        """Refresh the properties of this object."""
        self._take(service_records.find(self.workspace, self.name))

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: int | None = None) -> None:
        """Wait until the service answers requests.

        Args:
            show_output: print progress.
            timeout_sec: maximum time to wait. Default: no limit.

        Raises:
            WebserviceException: the service failed; the message has the end of its log, with the traceback of
                ``init()``. Or the time is over.
        """
        deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
        wait, shown = _FIRST_POLL, ""
        while True:
            state = self.state
            if show_output and state != shown:
                say("Running" if state == "Transitioning" else state)
                shown = state
            if state == "Healthy" and self.error is None:
                break
            if state in ("Healthy", "Failed"):  # what answers may be the version before an update that failed
                if show_output:
                    say(f'{self.compute_type} service creation operation finished, operation "Failed"')
                raise WebserviceException(self._failure())
            if deadline is not None and time.monotonic() > deadline:
                raise WebserviceException(
                    f"The web service '{self.name}' is {state} after {timeout_sec} seconds. It goes on starting; its "
                    "log is in service.get_logs()."
                )
            time.sleep(wait)
            wait = min(1.5 * wait, _LONGEST_POLL)
        if show_output:
            say(f'{self.compute_type} service creation operation finished, operation "Succeeded"')

    def _failure(self) -> str:
        run = (self._record.get("failed") or {}).get("run") or self.run_id
        end = "\n".join(self._log_of(run).splitlines()[-_SHOWN:])
        said = f"The web service '{self.name}' could not be started: {self.error}"
        if self.state_ == "Healthy":
            said = f"The web service '{self.name}': {self.error}"
        return f"{said}\nThe end of its log:\n{end}" if end else said

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """Return the log of the service: what its script has printed, and tracebacks.

        Args:
            num_lines: maximum number of lines from the end.
            init: ignored.
        """
        return "\n".join(self._log_of(self.run_id).splitlines()[-num_lines:])

    def _log_of(self, run_id: str) -> str:
        run: Any = self.workspace.get_run(run_id)
        names, text = run.get_file_names(), b""
        for name in _LOGS:
            if name in names and not text:
                text = b"".join(run.read(name))
        return text.decode("utf-8", "replace")

    def run(self, input: Any = None, **kwargs: Any) -> Any:
        """Call the service, and return its answer. One that is still being started is waited for.

        Args:
            input: body of the request: text or bytes.
            **kwargs: ``input_data``, the name that SDK v1 gave to ``input`` for some services.

        Raises:
            WebserviceException: the service does not answer, or its script failed; see :meth:`get_logs`.
        """
        data = kwargs.pop("input_data", input)
        for name in kwargs:
            raise TypeError(f"run() has no parameter '{name}'.")
        if isinstance(data, str):
            data = data.encode()
        if not isinstance(data, (bytes, bytearray)):
            raise WebserviceException(
                f"The input of a web service is text or bytes, not {type(data).__name__}. For other data: "
                "service.run(json.dumps(data))"
            )
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.get_keys()[0]}"}
        request = urllib.request.Request(self.scoring_uri, bytes(data), headers)  # noqa: S310 - an address of ours
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_SECONDS) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            content = error.read().decode("utf-8", "replace")
            raise WebserviceException(
                "Received bad response from service. More information can be found by calling `.get_logs()` on the "
                f"webservice object.\nResponse Code: {error.code}\nContent: {content}"
            ) from None
        except OSError as error:
            state = self.state
            if state == "Transitioning":
                self.wait_for_deployment()
                return self.run(data)
            raise WebserviceException(
                f"The web service '{self.name}' does not answer at {self.scoring_uri} ({error}). It is {state}."
            ) from error
        try:
            return json.loads(body.decode("utf-8"))
        except ValueError:
            return body

    def get_keys(self) -> tuple[str, str]:
        """Return both keys; either can be sent as ``Authorization: Bearer KEY``."""
        primary, secondary = self.workspace.connection.call("GET", quoted("webservices", self.name, "keys"))["keys"]
        return primary, secondary

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Replace a key. The service is updated, and this waits until it takes the new key.

        Args:
            key: ``"Primary"`` or ``"Secondary"``.
            set_key: the new key. Default: a random one.

        Raises:
            WebserviceException: another value.
        """
        names = ("primary", "secondary")
        if str(key).lower() not in names:
            raise WebserviceException(f"The key is {key!r}; it must be 'Primary' or 'Secondary'.")
        self._take(
            service_records.restart(
                self.workspace, self.name, {"fresh_key": names.index(str(key).lower()), "key": set_key}
            )
        )
        self.wait_for_deployment()

    def get_token(self) -> tuple[str, dt.datetime]:
        """Return the primary key, and a time after which to call this again."""
        later = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)
        return self.get_keys()[0], later

    def get_access_token(self) -> str:
        """Return the primary key."""
        return self.get_keys()[0]

    def delete(self, delete_cache: bool = True, delete_image: bool = False) -> None:
        """Delete the service: its process ends, and its port, keys and logs are gone.

        Args:
            delete_cache: ignored.
            delete_image: ignored.
        """
        connection = self.workspace.connection
        for run in connection.call("DELETE", quoted("webservices", self.name))["runs"]:
            with contextlib.suppress(NotFoundException):  # it has ended, and the service has removed it
                while connection.call("GET", quoted("runs", run, "wait"), query={"timeout": 5})["status"] not in _ENDED:
                    pass
                connection.call("DELETE", quoted("runs", run))
        self.state_ = "Deleting"

    def serialize(self) -> dict[str, Any]:
        """Return the service as a JSON-serializable dict."""
        return {
            "name": self.name,
            "computeType": self.compute_type,
            "state": self.state_,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
            "authEnabled": self.auth_enabled,
            "tags": self.tags,
            "properties": self.properties,
            "description": self.description,
            "models": self._record["models"],
            "port": self.port,
            "createdTime": self.created_time,
            "updatedTime": self.updated_time,
            "error": self.error,
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name!r}, state={self.state_!r})"
