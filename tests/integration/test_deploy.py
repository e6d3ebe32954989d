"""Web services: models that answer requests on this machine, called as programs for SDK v1 call them."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from azureml.core import ComputeTarget, Image, Webservice
from azureml.core.compute import AksCompute
from azureml.core.image import ContainerImage
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice
from trainshed import Environment, Experiment, Model, ScriptRunConfig, Workspace
from trainshed.api.deployment import deploying
from trainshed.cli.main import main
from trainshed.errors import ModelNotFoundException, TrainshedError, WebserviceException

SCORE = """
import json, os
from azureml.core.model import Model

def init():
    global words, beside
    with open(Model.get_model_path("words")) as file:
        words = file.read()
    folder = os.environ["AZUREML_MODEL_DIR"]
    beside = sorted(os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names)

def run(data):
    asked = json.loads(data)
    if asked == "pid":
        return os.getpid()
    return {"words": words, "beside": beside, "asked": asked["data"]}
"""
RAW = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse(request.full_path, 200)
    if request.files:
        return {name: file.read().decode() for name, file in request.files.items()}
    response = AMLResponse(request.get_data(False)[::-1], 201)
    response.headers["X-Mine"] = request.headers["x-mine"]
    return response
"""
TYPED = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

@input_schema("data", StandardPythonParameterType([1, 2]))
@input_schema("factor", StandardPythonParameterType(2))
@output_schema(StandardPythonParameterType([1]))
def run(data, factor):
    return [factor * each for each in data]
"""


@pytest.fixture
def environment(this_python: str) -> Environment:
    made = Environment("serving")
    made.python.user_managed_dependencies = True
    made.python.interpreter_path = this_python
    return made


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text(SCORE)
    yield tmp_path
    for service in workspace.webservices.values():
        service.delete()


def words(workspace: Workspace, text: str) -> Model:
    Path("words.txt").write_text(text)
    return Model.register(workspace, "words.txt", "words")


def ask(uri: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(uri)
    connection = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 0), timeout=60)
    connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
    response = connection.getresponse()
    answer = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return answer


@pytest.mark.own_folder
def test_from_deploy_to_delete(
    workspace: Workspace, environment: Environment, scoring: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = words(workspace, "one")
    config = InferenceConfig(entry_script="score.py", environment=environment)
    deployed = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, tags={"data": "words"}, description="first")
    service = Model.deploy(
        workspace=workspace, name="first", models=[model], inference_config=config, deployment_config=deployed
    )
    service.wait_for_deployment(show_output=True)
    with pytest.raises(ConnectionRefusedError):  # it listens at the loopback address, and no other
        socket.create_connection(("127.0.0.2", service.port))
    assert (service.state, service.tags, service.description) == ("Healthy", {"data": "words"}, "first")
    wanted = {"words": "one", "beside": ["words.txt"], "asked": [1]}
    assert service.run(input_data=json.dumps({"data": [1]}).encode()) == wanted
    # As old programs call it: without a key.
    status, headers, body = ask(service.scoring_uri, "POST", b'{"data": [1]}', **{"x-ms-client-request-id": "mine"})
    assert (status, json.loads(body), headers["x-ms-client-request-id"]) == (200, wanted, "mine")
    assert headers["x-ms-run-function-failed"] == "False"
    assert len(headers["x-request-id"]) == 36
    bare = f"http://localhost:{service.port}"
    primary, secondary = service.get_keys()
    for key, expected in (("", 401), ("Bearer wrong", 401), (f"Bearer {primary}", 200), (f"Bearer {secondary}", 200)):
        given = {"Authorization": key} if key else {}
        assert ask(f"{bare}/score", "POST", b'{"data": [1]}', **given)[0] == expected
    assert (service.get_token()[0], service.get_access_token()) == (primary, primary)
    assert ask(bare + "/")[::2] == (200, b"Healthy")
    assert ask(service.scoring_uri, "OPTIONS")[1]["Allow"] == "GET, POST, OPTIONS"
    assert json.loads(ask(service.swagger_uri)[2])["info"]["title"] == "first"
    for uri, method, extra, expected in (
        (service.scoring_uri, "DELETE", {}, 405),
        (service.scoring_uri + "/more", "POST", {}, 404),
        (service.scoring_uri, "POST", {"Host": "evil.example"}, 403),
        (service.scoring_uri, "POST", {"Origin": "https://evil.example"}, 403),
        (service.scoring_uri, "POST", {"Content-Length": str(1 << 40)}, 413),
    ):
        status, _, body = ask(uri, method, None, **extra)
        assert (status, list(json.loads(body))) == (expected, ["message"])
    status, headers, body = ask(service.scoring_uri, "POST", b"no json")
    assert (status, headers["x-ms-run-function-failed"]) == (500, "True")
    assert b"JSONDecodeError" not in body
    assert "JSONDecodeError" in service.get_logs()
    with pytest.raises(WebserviceException, match="Response Code: 500"):
        service.run("no json")
    # A second version, and another model: laid out as v1 did.
    other = words(workspace, "two")
    (scoring / "folder").mkdir()
    (scoring / "folder" / "a.txt").write_text("a")
    service.update(models=[other, Model.register(workspace, "folder", "more")], tags={"more": "yes"}, wait=True)
    answer = service.run(json.dumps({"data": 2}))
    assert answer == {"words": "two", "beside": ["more/1/folder/a.txt", "words/2/words.txt"], "asked": 2}
    assert Webservice(workspace, "first").tags == {"data": "words", "more": "yes"}
    assert type(workspace.webservices["first"]) is AciWebservice
    service.regen_key("Primary")
    service.wait_for_deployment()
    assert service.get_keys()[0] != primary
    assert service.get_keys()[1] == secondary
    capsys.readouterr()
    Path("request.json").write_text('{"data": 3}')
    assert main(["call", "first", "@request.json"]) == 0
    assert json.loads(capsys.readouterr().out)["asked"] == 3
    assert main(["services"]) == 0
    assert "first  Healthy" in capsys.readouterr().out
    assert main(["services", "logs", "first"]) == 0
    assert main(["services", "delete"]) == 2
    assert main(["call", "first", "@none.json"]) == 2
    with pytest.raises(WebserviceException, match="There is already a web service 'first'"):
        Model.deploy(workspace, "first", [model], config, deployed)
    service.delete()
    assert workspace.webservices == {}
    assert list((workspace.path / "private" / "webservices").iterdir()) == []
    while "webservices" in workspace.experiments:
        time.sleep(0.02)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", service.port))
    with pytest.raises(WebserviceException, match="no web service 'first'"):
        Webservice(workspace, "first")


@pytest.mark.own_folder
def test_what_dies_is_started_again(workspace: Workspace, environment: Environment, scoring: Path) -> None:
    model = words(workspace, "one")
    config = InferenceConfig("score.py", environment=environment)
    own = AksWebservice.deploy_configuration(primary_key="mine" * 5)
    service = Model.deploy(workspace, "lasting", [model], config, own)
    service.wait_for_deployment()
    assert service.get_keys()[0] == "mine" * 5
    assert service.auth_enabled
    assert service.scoring_uri == f"http://127.0.0.1:{service.port}/score"
    first = service.run('"pid"')
    os.kill(first, signal.SIGKILL)
    second = service.run('"pid"')  # which waits at the port
    assert second != first
    assert "The scoring process died (signal 9)" in service.get_logs()
    ours = int(workspace.connection.call("GET", "/service")["pid"])
    watched = os.pidfd_open(ours)
    os.kill(ours, signal.SIGKILL)
    select.select([watched], [], [])
    os.close(watched)
    assert ask(service.scoring_uri, "POST", b'"pid"', Authorization="Bearer " + "mine" * 5)[0] == 200
    # The script is changed, and taken anew; the port stays.
    (scoring / "score.py").write_text(SCORE.replace('"asked": asked["data"]', '"changed": True'))
    service.reload()
    service.wait_for_deployment()
    assert service.run('{"data": 0}')["changed"]
    run = workspace.get_run(service.run_id)
    shim = json.loads((workspace.path / "runs" / run.id / "shim.json").read_text())["pid"]
    os.kill(shim, signal.SIGKILL)
    while service.run_id == run.id:
        time.sleep(0.05)
        service.update_deployment_state()
    service.wait_for_deployment()
    assert service.run('{"data": 0}')["changed"]


COLLECTS = """
from azureml.monitoring import ModelDataCollector

def init():
    global inputs, predictions
    inputs = ModelDataCollector("best_model", identifier="inputs", feature_names=["width", "height"])
    predictions = ModelDataCollector("best_model", designation="predictions", feature_names=["area"])

def run(data):
    import json
    rows = json.loads(data)["data"]
    areas = [width * height for width, height in rows]
    inputs.collect(rows)
    predictions.collect(areas)
    return areas
"""


def test_data_that_a_script_collects(workspace: Workspace, environment: Environment, scoring: Path) -> None:
    (scoring / "score.py").write_text(COLLECTS)
    config = InferenceConfig("score.py", environment=environment)
    service = Model.deploy(workspace, "collects", [], config, AksWebservice.deploy_configuration())
    body = json.dumps({"data": [[3, 4], [5, 6]]})
    assert service.run(body) == [12, 30]
    assert "deploy the web service with collect_model_data=True" in service.get_logs()
    service.update(collect_model_data=True, wait=True)
    assert (service.run(body), service.run(body)) == ([12, 30], [12, 30])
    run = workspace.get_run(service.run_id)
    kept = sorted(name for name in run.get_file_names() if "modeldata" in name)
    assert [re.sub(r"\d{4}/\d\d/\d\d", "DAY", name) for name in kept] == [
        f"outputs/modeldata/best_model/1/{name}/DAY/data.csv" for name in ("inputs", "predictions")
    ]
    run.download_file(kept[0], "inputs.csv")
    first, *rows = [line.split(",") for line in Path("inputs.csv").read_text().splitlines()]
    assert first == ["$aml_dc_correlation_id", "$aml_dc_scoring_timestamp", "width", "height"]
    assert [row[2:] for row in rows] == [["3", "4"], ["5", "6"]] * 2
    assert len({row[0] for row in rows}) == 2  # an id for each call
    run.download_file(kept[1], "predictions.csv")
    assert [line.rpartition(",")[2] for line in Path("predictions.csv").read_text().split()] == [
        "area",
        *["12", "30"] * 2,
    ]


def test_files_of_the_source_directory_are_found(workspace: Workspace, environment: Environment, scoring: Path) -> None:
    (scoring / "source" / "x").mkdir(parents=True)
    (scoring / "source" / "extra.txt").write_text("extra")
    # SDK v1 kept the folder's name.
    code = "def run(data):\n    return [open(path).read() for path in ('./source/extra.txt', 'extra.txt')]\n"
    (scoring / "source" / "x" / "score.py").write_text(code)
    config = InferenceConfig("x/score.py", source_directory="source", environment=environment)
    aks = ComputeTarget.create(workspace, "aks", AksCompute.provisioning_configuration())
    deployed = AksWebservice.deploy_configuration()
    service = Model.deploy(workspace, "named", [], config, deployed, deployment_target=aks)
    assert service.run("") == ["extra", "extra"]  # without a word that it is to be waited for


def test_the_whole_request(workspace: Workspace, environment: Environment, scoring: Path) -> None:
    (scoring / "raw.py").write_text(RAW)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    local = LocalWebservice.deploy_configuration(port=port)
    service = Model.deploy(workspace, "raw", [], InferenceConfig("raw.py", environment=environment), local)
    service.wait_for_deployment()
    assert service.port == port
    assert ask(service.scoring_uri + "?x=1")[2] == b"/score?x=1"
    status, headers, body = ask(service.scoring_uri, "POST", b"abc", **{"X-Mine": "yes"})
    assert (status, headers["X-Mine"], body) == (201, "yes", b"cba")
    form = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\nhello\r\n--b--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert json.loads(ask(service.scoring_uri, "POST", form, **kind)[2]) == {"f": "hello"}
    service.update(auth_enabled=False, wait=True)
    assert service.scoring_uri == f"http://127.0.0.1:{port}/score"
    assert ask(service.scoring_uri)[0] == 200


def test_a_run_with_schemas_gets_its_parameters(workspace: Workspace, scoring: Path) -> None:
    (scoring / "typed.py").write_text(TYPED)
    environment = Environment("typed")
    environment.python.conda_dependencies.add_pip_package("inference-schema")
    service = Model.deploy(workspace, "typed", [], InferenceConfig("typed.py", environment=environment))
    service.wait_for_deployment()
    assert service.run('{"data": [1, 2], "factor": 3}') == [3, 6]
    described = json.loads(ask(service.swagger_uri)[2])["definitions"]["ServiceInput"]
    assert described["example"] == {"data": [1, 2], "factor": 2}
    json_kind = {"Content-Type": "application/json"}
    for body, kind, expected, said in (
        (b'{"data": [1]}', json_kind, 400, "'factor' parameter"),
        (b"[1]", json_kind, 400, "should be a JSON dictionary"),
        (b"x", json_kind, 400, "could not be decoded as JSON"),
        (b"{}", {}, 415, "Expects Content-Type to be application/json"),
    ):
        status, _, answer = ask(service.scoring_uri, "POST", body, **kind)
        assert status == expected
        assert said in json.loads(answer)["message"]


def test_services_and_runs_do_not_wait_for_each_other(
    workspace: Workspace, environment: Environment, scoring: Path
) -> None:
    workspace.connection.call("PUT", "/targets/local", {"slots": 1})
    (scoring / "src").mkdir()
    (scoring / "src" / "train.py").write_text(
        "import os, sys, time\nwhile not os.path.exists(sys.argv[1]):\n    time.sleep(0.02)\n"
    )
    (scoring / "echo.py").write_text("def run(data):\n    return data\n")
    go = scoring / "go"
    waits = ScriptRunConfig("src", "train.py", [str(go)], environment=environment)
    runs = [Experiment(workspace, "training").submit(waits) for _ in range(2)]  # one has the slot, the other is queued
    config = InferenceConfig("echo.py", environment=environment)
    services = [Model.deploy(workspace, name, [], config) for name in ("a", "b")]
    for service in services:
        service.wait_for_deployment()
    assert runs[1].get_status() == "Queued"
    go.touch()
    for run in runs:
        run.wait_for_completion()
    assert [service.state for service in services] == ["Healthy", "Healthy"]


def test_init_that_fails_is_told(workspace: Workspace, environment: Environment, scoring: Path) -> None:
    (scoring / "bad.py").write_text("def init():\n    import no_such_package\n\ndef run(data):\n    return data\n")
    service = Model.deploy(workspace, "bad", [], InferenceConfig("bad.py", environment=environment))
    with pytest.raises(WebserviceException, match="No module named 'no_such_package'") as caught:
        service.wait_for_deployment()
    assert "Traceback" in caught.value.message
    assert "bad.py" in service.get_logs()
    assert service.state == "Failed"


def test_images_of_2018(workspace: Workspace, environment: Environment, scoring: Path, this_python: str) -> None:
    model = words(workspace, "one")
    (scoring / "data.txt").write_text("beside")
    (scoring / "again.py").write_text("def run(data):\n    return data\n")
    config = ContainerImage.image_configuration("score.py", "python", dependencies=["data.txt"], tags={"a": "b"})
    config._inference.environment = environment
    image = ContainerImage.create(name="mine", models=[model], image_config=config, workspace=workspace)
    image.wait_for_creation(show_output=True)
    assert (image.creation_state, isinstance(image, Image)) == ("Succeeded", True)
    service = Webservice.deploy_from_image(workspace, "old", image, AciWebservice.deploy_configuration())
    service.wait_for_deployment(True)
    assert service.run('{"data": 0}')["words"] == "one"
    assert [each.id for each in service.models] == ["words:1"]
    # Another program finds the image, and deploys it; the files are not needed any more.
    (scoring / "score.py").unlink()
    assert [each.id for each in Image.list(workspace, tags=[["a", "b"]], model_name="words")] == ["mine:1"]
    assert Image.list(workspace, image_name="none") == []
    found = ContainerImage(workspace, id="mine:1")
    assert (found.models, found.tags, workspace.images["mine"].id) == (["words:1"], {"a": "b"}, "mine:1")
    assert Image.deserialize(workspace, json.loads(json.dumps(found.serialize()))).version == 1
    found.add_tags({"c": 1})
    again = Webservice.deploy_from_image(workspace, "again", Image(workspace, "mine", tags=[["c", "1"]]))
    again.wait_for_deployment()
    assert again.run('{"data": 0}')["words"] == "one"
    assert [each.name for each in Webservice.list(workspace, image_name="mine", compute_type="aci")] == ["old"]
    assert Webservice.list(workspace, image_id="mine:2") == []
    # Files that are models by being named here.
    config = ContainerImage.image_configuration("again.py", "python")
    config._inference.environment = environment
    third = Webservice.deploy(workspace, "third", ["words.txt"], config, AciWebservice.deploy_configuration())
    third.wait_for_deployment()
    assert (third.run(""), [each.id for each in third.models]) == ("", ["words.txt:1"])
    found.delete()
    assert workspace.images == {}
    with pytest.raises(WebserviceException, match="There is already a web service 'old'"):
        Webservice.check_for_existing_webservice(workspace, "old")
    assert Webservice.deserialize(workspace, service.serialize()).num_replicas == 1


def deployed(workspace: Workspace, models: Any, entry: str, port: int | None = None) -> None:
    config = InferenceConfig(entry)
    Model.deploy(workspace, "never", models, config, LocalWebservice.deploy_configuration(port))


def test_what_is_known_is_told_before_anything_starts(
    workspace: Workspace,
    scoring: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (scoring / "no_run.py").write_text("def init():\n    pass\n")
    with pytest.raises(ModelNotFoundException, match="'none'"):
        deployed(workspace, ["none"], "score.py")
    with pytest.raises(TrainshedError, match=r"no script 'scor.py'.*Did you mean 'score.py'"):
        deployed(workspace, [], "scor.py")
    with pytest.raises(WebserviceException, match=r"has no function run\(data\)"):
        deployed(workspace, [], "no_run.py")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(WebserviceException, match="is used by another program"):
            deployed(workspace, [], "score.py", taken.getsockname()[1])
    with pytest.raises(WebserviceException, match="from 1 to 65535"):
        LocalWebservice.deploy_configuration(port=0)
    with pytest.raises(WebserviceException, match="Pass an inference_config"):
        Model.deploy(workspace, "never", [])
    monkeypatch.setattr(deploying, "_told", set())
    for kind in (AciWebservice, AksWebservice) * 2:
        with pytest.raises(WebserviceException, match="Invalid name of a web service"):
            Model.deploy(workspace, "no name", [], InferenceConfig("score.py"), kind.deploy_configuration())
    said = [each.message for each in caplog.records if "Web services run here" in each.message]
    assert [text.partition("of ")[2].partition(".")[0] for text in said] == ["AciWebservice", "AksWebservice"]
    with pytest.raises(WebserviceException, match="either an environment or a conda_file"):
        InferenceConfig("score.py", conda_file="x.yml", environment=Environment("x"))
    with pytest.raises(WebserviceException, match="an environment or base_image to InferenceConfig, but not both"):
        InferenceConfig("score.py", base_image="python:3.11", environment=Environment("x"))
    with pytest.raises(WebserviceException, match="There is no file 'none'"):
        InferenceConfig("score.py", base_image="python:3.11", extra_docker_file_steps="none")
    with pytest.raises(TypeError, match=r"no parameter 'cpu_core'\. Did you mean 'cpu_cores'"):
        AciWebservice.deploy_configuration(cpu_core=1)
    with pytest.raises(WebserviceException, match="A key of a web service has 16 to 256 characters"):
        AksWebservice.deploy_configuration(primary_key="short")
    with pytest.raises(WebserviceException, match="gpu_cores is -1"):
        AksWebservice.deploy_configuration(gpu_cores=-1)
    two = LocalWebservice.deploy_configuration(workers=2, gpu_cores=1)
    Model.print_configuration(["a:1"], InferenceConfig("score.py"), two)
    assert "models: ['a:1']" in (printed := capsys.readouterr().out)
    assert "'workers': 2" in printed
    with pytest.raises(WebserviceException, match=r"'never' wants 2 GPUs .* and its machine has no NVIDIA GPU"):
        Model.deploy(workspace, "never", [], InferenceConfig("score.py"), two)
    with pytest.raises(WebserviceException, match="There is no image 'mine' in this workspace"):
        Image(workspace, "mine")
    assert workspace.webservices == {}
