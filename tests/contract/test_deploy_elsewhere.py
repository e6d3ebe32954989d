"""A web service on a host over OpenSSH, called at a port of this machine."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import isolated
import pytest
from callers import Caller, processes_of
from rigs import Make

from azureml.core.model import InferenceConfig
from azureml.core.webservice import LocalWebservice
from trainshed import ComputeTarget, Environment, Model, Workspace
from trainshed.client.stopping import stop
from trainshed.errors import WebserviceException

SCORE = """
import json, os
from azureml.core.model import Model

def init():
    global words
    with open(Model.get_model_path("words")) as file:
        words = file.read()

def run(data):
    return [words, os.path.exists("/mnt/id_of_host"), len(data)]
"""
CALLERS = 4


def test_a_service_on_a_host_is_called_here(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make("ssh")
    monkeypatch.chdir(tmp_path)
    (rig.shared / "id_of_host").touch()
    ws = Workspace(path=str(rig.root))
    environment = Environment("there")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = isolated.PYTHON
    Path("score.py").write_text(SCORE)
    Path("words.txt").write_text("one")
    model = Model.register(ws, "words.txt", "words")
    config = InferenceConfig("score.py", environment=environment)
    there = ComputeTarget(ws, "ssh")
    service = Model.deploy(
        ws, "far", [model], config, LocalWebservice.deploy_configuration(workers=2), deployment_target=there
    )
    service.wait_for_deployment()
    assert service.scoring_uri.startswith(f"http://127.0.0.1:{service.port}/")
    assert service.run("abc") == ["one", True, 3]
    big = "x" * (3 << 20)
    assert service.run(big)[2] == len(big)
    # A new version, while it is called: no request fails.
    over = threading.Event()
    callers = [Caller(service.scoring_uri, over, 100) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    Path("words.txt").write_text("two")
    service.update(models=[Model.register(ws, "words.txt", "words")], wait=True)
    assert service.run("abc")[0] == "two"
    over.set()
    for caller in callers:
        caller.join()
    assert [(caller.failed, caller.seen) for caller in callers] == [([], ["one", "two"])] * CALLERS
    # And one with our own service restarted in the middle.
    Path("words.txt").write_text("three")
    service.update(models=[Model.register(ws, "words.txt", "words")])
    stop(str(ws.path))
    service.wait_for_deployment()
    assert json.dumps(service.run("abc")) == '["three", true, 3]'
    with pytest.raises(WebserviceException, match="is on 'ssh', and cannot be moved to 'local'"):
        Model.deploy(ws, "far", [model], config, overwrite=True)
    run = service.run_id
    assert processes_of(run)
    assert rig.run_there(run).exists()
    service.delete()
    # Nothing is left: no process, no folder there, no port here.
    assert not processes_of(run)
    while rig.run_there(run).exists():
        time.sleep(0.02)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", service.port))
