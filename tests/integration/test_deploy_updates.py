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
from callers import Caller

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


def test_a_caller_that_stays_is_taken_over_by_a_process_that_rests(
    workspace: Workspace, environment: Environment, scoring: Path
) -> None:
    text = SCORE.replace("VERSION", "1").replace("sleep(60)", "sleep(1)")
    Path("score.py").write_text(text.replace("    return", "    time.sleep(0.01)\n    return"))
    config = InferenceConfig("score.py", environment=environment)
    service = Model.deploy(workspace, "shared", [], config, LocalWebservice.deploy_configuration(workers=2))
    service.wait_for_deployment()
    pids: set[int] = set()
    while len(pids) < 2:
        pids.add(service.run("x")[1])
    parts = urlsplit(service.scoring_uri)
    busy, *callers = [http.client.HTTPConnection(str(parts.hostname), int(parts.port or 0)) for _ in range(3)]
    busy.request("POST", parts.path, b"slow")
    answers: list[int] = []
    # Meanwhile, both callers get the other process; afterwards, they have to get one each.
    rounds = 0
    while len(set(answers)) < 2:
        rounds += 1
        assert rounds < 500
        for caller in callers:
            caller.request("POST", parts.path, b"x")
        answers = [json.loads(caller.getresponse().read())[1] for caller in callers]
    assert json.loads(busy.getresponse().read())[1] in answers
    for caller in (busy, *callers):
        caller.close()


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
    while (again := service.run("x")[1]) in pids:
        pass
    os.kill(again, signal.SIGKILL)  # the next wait is longer
    while "is started again in 1 s" not in service.get_logs():
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
