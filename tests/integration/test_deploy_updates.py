"""Web services under load: updates, several processes, connections, time limits."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from azureml.core import Webservice
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice, LocalWebservice
from trainshed import Environment, Model, Workspace
from trainshed.client.stopping import stop
from trainshed.errors import WebserviceException

SCORE = """
import os, time

def run(data):
    if data == "slow":
        time.sleep(60)
    return [VERSION, os.getpid()]
"""
REQUESTS = int(os.environ.get("TRAINSHED_TEST_REQUESTS", "600"))
"""Requests of each caller; the whole test with 10,000 in all: TRAINSHED_TEST_REQUESTS=2500."""
CALLERS = 4


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for service in workspace.webservices.values():
        service.delete()


@pytest.fixture
def environment(this_python: str) -> Environment:
    made = Environment("serving")
    made.python.user_managed_dependencies = True
    made.python.interpreter_path = this_python
    return made


def script(text: Any) -> None:
    Path("score.py").write_text(SCORE.replace("VERSION", repr(text)))


class Caller(threading.Thread):
    """Sends requests on one connection as fast as they are answered, on a new one after ``Connection: close``."""

    def __init__(self, uri: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self._parts = urlsplit(uri)
        self._over = over
        self.failed: list[str] = []
        self.seen: list[str] = []
        self.count = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(str(self._parts.hostname), int(self._parts.port or 0), timeout=60)
        while self.count < REQUESTS or not self._over.is_set():
            self.count += 1
            try:
                connection.request("POST", self._parts.path, b"x")
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
                continue
            if response.status != 200:
                self.failed.append(f"{response.status} {body!r}")
                continue
            version = json.loads(body)[0]
            if not self.seen or self.seen[-1] != version:
                self.seen.append(version)
        connection.close()


@pytest.mark.own_folder
def test_no_request_fails_while_a_service_is_updated(
    workspace: Workspace, environment: Environment, scoring: Path
) -> None:
    script("one")
    config = InferenceConfig("score.py", environment=environment)
    service = Model.deploy(workspace, "rolling", [], config)
    service.wait_for_deployment()
    over = threading.Event()
    callers = [Caller(service.scoring_uri, over) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    first = service.run_id
    script("two")
    service.update(inference_config=config, wait=True)
    assert service.run_id != first
    # The second time, another update follows at once, and our own service dies in the middle of both.
    script("two and a half")
    service.reload()
    script("three")
    service.reload()
    assert service.state == "Transitioning"
    stop(str(workspace.path))
    service.wait_for_deployment()
    # A version that does not start changes nothing.
    answering = service.run_id
    Path("score.py").write_text("def init():\n    raise ValueError('not today')\n\ndef run(data):\n    pass\n")
    with pytest.raises(WebserviceException, match=r"(?s)the version before it goes on.*not today"):
        service.update(inference_config=config, wait=True)
    over.set()
    for caller in callers:
        caller.join()
    assert [caller.failed for caller in callers] == [[]] * CALLERS
    assert [caller.seen[-1] for caller in callers] == ["three"] * CALLERS
    assert (service.state, service.run_id) == ("Healthy", answering)
    script("four")
    service.update(inference_config=config, wait=True)
    assert service.error is None
    assert json.dumps(service.run("x")[0]) == '"four"'


@pytest.mark.own_folder
def test_one_of_several_processes_may_die_or_take_too_long(
    workspace: Workspace, environment: Environment, scoring: Path
) -> None:
    script("one")
    config = InferenceConfig("score.py", environment=environment)
    settings = AksWebservice.deploy_configuration(num_replicas=2, scoring_timeout_ms=1500, auth_enabled=False)
    service = Model.deploy(workspace, "several", [], config, settings)
    service.wait_for_deployment()
    pids: set[int] = set()
    while len(pids) < 2:  # the second one starts when the first one answers
        pids.add(service.run("x")[1])
    os.kill(min(pids), signal.SIGKILL)
    for _ in range(20):
        assert service.run("x")[1] != min(pids)
    assert service.state == "Healthy"
    while "is started again in 0.5 s" not in service.get_logs():
        pass
    with pytest.raises(WebserviceException, match=r"Response Code: 500\nContent: .*Scoring timeout after 1500 ms"):
        service.run("slow")
    assert "TimeIsOver" in service.get_logs()
    # While a process works, it still tells that it is healthy.
    service.update(num_replicas=1, scoring_timeout_ms=60_000, wait=True)
    parts = urlsplit(service.scoring_uri)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as busy:
        busy.sendall(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nslow")
        for _ in range(2):
            health = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 0), timeout=30)
            health.request("GET", "/")
            assert health.getresponse().read() == b"Healthy"
            health.close()
    with pytest.raises(WebserviceException, match="must be a number from 1 to 64"):
        LocalWebservice.deploy_configuration(workers=0)
    with pytest.raises(WebserviceException, match="must be a number of milliseconds above 0"):
        AksWebservice.deploy_configuration(scoring_timeout_ms=0)
    assert Webservice(workspace, "several").serialize()["port"] == service.port
