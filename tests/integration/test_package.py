"""Packages of models, as SDK v1's documentation makes and runs them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from waiting import until_printed

from azureml.core.model import InferenceConfig, ModelPackage
from trainshed import Environment, Model, Workspace
from trainshed.errors import WebserviceException

SCORE = """
import json, os
from azureml.core.model import Model

def init():
    global words
    with open(Model.get_model_path("words")) as file:
        words = file.read()

def run(data):
    return {"words": words, "asked": json.loads(data), "mine": os.environ.get("MINE"), "beside": os.listdir("src/more")}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def ask(port: int, key: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": "models.example.org", **({"Authorization": f"Bearer {key}"} if key else {})}
    connection.request("POST", "/score", b'{"a": 1}', headers)
    answer = connection.getresponse()
    told = answer.status, answer.read()
    connection.close()
    return told


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InferenceConfig:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src" / "more").mkdir(parents=True)
    (tmp_path / "src" / "more" / "a.txt").write_text("a")
    (tmp_path / "src" / "score.py").write_text(SCORE)
    environment = Environment("serving")
    environment.python.conda_dependencies.remove_pip_package("azureml-defaults")
    environment.environment_variables = {"MINE": 'a "b"'}
    return InferenceConfig("score.py", source_directory="src", environment=environment)


def words(workspace: Workspace) -> Model:
    Path("words.txt").write_text("the words")
    return Model.register(workspace, "words.txt", "words")


def test_the_folder_of_a_package_has_all_that_answers(
    workspace: Workspace, tmp_path: Path, config: InferenceConfig, this_python: str
) -> None:
    package = Model.package(workspace, [words(workspace)], config, generate_dockerfile=True)
    assert isinstance(package, ModelPackage)
    package.wait_for_creation(show_output=True)
    assert (package.state, os.path.isdir(package.location)) == ("Succeeded", True)
    package.save("./imagefiles")
    lines = Path("imagefiles", "Dockerfile").read_text().splitlines()
    assert lines[0].startswith("FROM docker.io/library/python:3.")
    assert 'ENV MINE="a \\"b\\""' in lines
    assert not [line for line in lines if "pip install" in line]  # there are no packages
    assert package.get_container_registry().address is None
    with pytest.raises(WebserviceException, match=r"Call its save\(folder\)"):
        package.pull()
    # What the image would run, with nothing of Trainshed but what is in the folder.
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "imagefiles" / "trainshed-runtime")}
    for key in ("", "secret"):
        port = free_port()
        started = subprocess.Popen(
            [this_python, "-m", "trainshed.runtime.scoring_packaged"],
            cwd=tmp_path / "imagefiles" / "azureml-app",
            env={**environ, "PORT": str(port), "SERVICE_KEY": key, "MINE": "x", "WORKER_COUNT": "2"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        until_printed(started, "Answering at port")
        status, body = ask(port, key)
        wanted = {"words": "the words", "asked": {"a": 1}, "mine": "x", "beside": ["a.txt"]}
        assert (status, json.loads(body)) == (200, wanted)
        assert ask(port, "wrong")[0] == (401 if key else 200)
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0


def test_packages_become_requirements(workspace: Workspace, config: InferenceConfig, this_python: str) -> None:
    assert config.environment is not None
    dependencies = config.environment.python.conda_dependencies
    dependencies.add_conda_package("pytorch=2.1")
    dependencies.add_pip_package("six<2")
    dependencies.set_python_version("3.10")
    package = Model.package(workspace, [words(workspace)], config, generate_dockerfile=True)
    package.save("out")
    text = Path("out", "Dockerfile").read_text()
    assert text.startswith("FROM docker.io/library/python:3.10-slim\nCOPY requirements.txt")
    assert "RUN python3 -m pip install" in text
    assert Path("out", "requirements.txt").read_text() == "six<2\ntorch==2.1.*\n"
    config.environment.docker.base_dockerfile = "FROM mine:1\nRUN true\n"
    Model.package(workspace, [], config, generate_dockerfile=True).save("out")
    assert Path("out", "Dockerfile").read_text().startswith("FROM mine:1\nRUN true\nCOPY requirements.txt")


def test_what_cannot_be_packaged_is_told(
    workspace: Workspace, config: InferenceConfig, monkeypatch: pytest.MonkeyPatch, this_python: str
) -> None:
    monkeypatch.setenv("TRAINSHED_CONTAINER_ENGINE", "/nowhere/podman")
    with pytest.raises(WebserviceException, match="generate_dockerfile=True"):
        Model.package(workspace, [], config)
    with pytest.raises(WebserviceException, match="Invalid name of an image: 'No Name:"):
        Model.package(workspace, [], config, image_name="No Name")
    assert config.environment is not None
    python = config.environment.python
    python.conda_dependencies.set_pip_option("--extra-index-url https://me:secret@example.org/simple")
    with pytest.raises(WebserviceException, match="has a password in its address"):
        Model.package(workspace, [], config, generate_dockerfile=True)
    python.user_managed_dependencies, python.interpreter_path = True, this_python
    with pytest.raises(WebserviceException, match="which an image does not have"):
        Model.package(workspace, [], config, generate_dockerfile=True)
