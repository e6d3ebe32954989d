"""The server of MLflow's clients in a job, asked as they ask it."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trainshed
from trainshed.node.mlflow_door import URI, MlflowDoor

_API = "/api/2.0/mlflow"
_FILES = "/api/2.0/mlflow-artifacts/artifacts"


class Client:
    """One connection to the server of a run."""

    def __init__(self, door: MlflowDoor, run: Path) -> None:
        self.run = run
        self.server = 0
        self.token = door.variables["MLFLOW_TRACKING_TOKEN"]
        self._connection = http.client.HTTPConnection(door.variables[URI].partition("//")[2], timeout=30)
        self._connection.connect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Return the status and the answer."""
        sent = body if body is None or (hasattr(body, "__iter__") and not isinstance(body, dict)) else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        self._connection.request(method, path, sent, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if answer.headers["Content-Type"] == "application/json" else text

    def post(self, route: str, **fields: Any) -> Any:
        """Call a route of one run and return its answer, which must be a success."""
        status, answer = self.call("POST", f"{_API}/{route}", {"run_id": self.run.name, **fields})
        assert status == 200, answer
        return answer

    def data(self) -> dict[str, Any]:
        """Return metrics, parameters and tags of the run."""
        status, answer = self.call("GET", f"{_API}/runs/get?run_id={self.run.name}")
        assert status == 200, answer
        found = answer["run"]["data"]
        return {kind: {each["key"]: each["value"] for each in found[kind]} for kind in ("metrics", "params", "tags")}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    run = tmp_path / "exp_1"
    run.mkdir()
    (run / "shim.log").touch()
    door = MlflowDoor(run.name, "exp", str(run))
    made = Client(door, run)
    # A client waits in the queue of the socket until the server is there.
    assert select.select([door], [], [], 30)[0]
    door.answer(
        {
            "PYTHONPATH": str(Path(trainshed.__file__).parent.parent),
            "TRAINSHED_RUN_DIR": str(run),
            "TRAINSHED_RUN_ID": run.name,
            "AZUREML_EXPERIMENT_ID": "exp",
        }
    )
    made.server = door._pid
    yield made
    made.close()
    os.waitpid(door.close(), 0)
    assert (run / "shim.log").read_text() == ""


def test_metrics_parameters_and_tags_become_the_runs(client: Client) -> None:
    client.post("runs/log-metric", key="loss", value=0.5, timestamp=1, step=1)
    client.post("runs/log-metric", key="loss", value="NaN", timestamp=2, step=2)
    client.post("runs/log-parameter", key="lr", value="0.1")
    client.post("runs/set-tag", key="stage", value="test")
    metrics = [{"key": "acc", "value": 0.75, "timestamp": 3}, {"key": "top", "value": "Infinity", "timestamp": 3}]
    client.post(
        "runs/log-batch", metrics=metrics, params=[{"key": "b", "value": "x"}], tags=[{"key": "t", "value": "v"}]
    )
    assert client.data() == {
        "metrics": {"loss": "NaN", "acc": 0.75, "top": "Infinity"},
        "params": {"lr": "0.1", "b": "x"},
        "tags": {"stage": "test", "t": "v"},
    }
    client.post("runs/delete-tag", key="t")
    assert client.data()["tags"] == {"stage": "test"}
    events = [json.loads(line) for line in (client.run / "journal.jsonl").read_text().splitlines()]
    assert [(event["n"], event.get("v"), event.get("s")) for event in events if event["k"] == "metric"] == [
        ("loss", 0.5, 1), ("loss", None, 2), ("acc", 0.75, 0), ("top", None, 0),
    ]  # fmt: skip


def test_history_has_steps_in_order(client: Client) -> None:
    points = [{"key": "loss", "value": 1 / (step + 1), "step": step, "timestamp": step} for step in range(5)]
    client.post("runs/log-batch", metrics=[*points, points[-1]])  # autologging sends the points of a model twice
    path = f"{_API}/metrics/get-history?run_id={client.run.name}&metric_key=loss"
    whole = client.call("GET", path)[1]["metrics"]
    assert [(each["step"], each["value"]) for each in whole] == [(step, 1 / (step + 1)) for step in range(5)]
    first = client.call("GET", f"{path}&max_results=2")[1]
    assert first["metrics"] == whole[:2]
    assert client.call("GET", f"{path}&page_token={first['next_page_token']}")[1] == {"metrics": whole[2:]}


def test_a_parameter_cannot_change(client: Client) -> None:
    client.post("runs/log-parameter", key="lr", value="0.1")
    client.post("runs/log-parameter", key="lr", value="0.1")
    other = {"run_id": client.run.name, "key": "lr", "value": "0.2"}
    status, answer = client.call("POST", f"{_API}/runs/log-parameter", other)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "'lr' was already logged with value='0.1'" in answer["message"]


def test_files_are_the_runs(client: Client) -> None:
    run, root = client.run.name, f"{_FILES}/{client.run.name}"
    assert client.call("PUT", f"{root}/model/MLmodel", b"flavors")[0] == 200
    assert client.call("PUT", f"{root}/outputs/a%20b.txt", iter([b"in ", b"chunks"]))[0] == 200
    assert client.call("PUT", f"{root}/model/MLmodel", b"newer")[0] == 200
    assert (client.run / "artifacts/model/MLmodel").read_bytes() == b"newer"
    assert (client.run / "code/outputs/a b.txt").read_bytes() == b"in chunks"
    assert client.call("GET", f"{root}/model/MLmodel") == (200, b"newer")
    folders = [{"path": "model", "is_dir": True}, {"path": "outputs", "is_dir": True}]
    assert client.call("GET", f"{_API}/artifacts/list?run_id={run}")[1]["files"] == folders
    inner = {"path": "MLmodel", "is_dir": False, "file_size": 5}
    assert client.call("GET", f"{_FILES}?path={run}/model")[1] == {"files": [inner]}
    assert not list(client.run.glob(".upload-*"))


def test_logged_models_are_folders_of_the_run(client: Client) -> None:
    first = client.call("POST", f"{_API}/logged-models", {"name": "model", "source_run_id": client.run.name})[1]
    second = client.call("POST", f"{_API}/logged-models", {"name": "model"})[1]
    uris = [each["model"]["info"]["artifact_uri"] for each in (first, second)]
    assert uris == [f"mlflow-artifacts:/{client.run.name}/model", f"mlflow-artifacts:/{client.run.name}/model-2"]
    route = f"{_API}/logged-models/{first['model']['info']['model_id']}"
    ready = {"status": "LOGGED_MODEL_READY"}
    assert client.call("PATCH", route, ready)[1]["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    assert client.call("PATCH", f"{route}/tags", {"tags": [{"key": "k", "value": "v"}]})[0] == 200
    assert client.call("GET", route)[1]["model"]["info"]["tags"] == [{"key": "k", "value": "v"}]
    assert client.call("GET", f"{_API}/logged-models/m-none")[0] == 404


_WRONG = [
    ("GET", f"{_API}/runs/get?run_id=other", None, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("GET", f"{_API}/runs/get", None, 400, "INVALID_PARAMETER_VALUE"),
    ("GET", "/api/2.0/mlflow/nothing", None, 404, "ENDPOINT_NOT_FOUND"),
    ("POST", f"{_API}/runs/log-metric", b"{", 400, "INVALID_PARAMETER_VALUE"),
    ("POST", f"{_API}/runs/log-metric", b"[1]", 400, "INVALID_PARAMETER_VALUE"),
    ("POST", f"{_API}/runs/log-metric", {"run_id": "exp_1", "key": "k", "value": "x"}, 400, "INVALID_PARAMETER_VALUE"),
    ("POST", f"{_API}/runs/log-metric", {"run_id": "exp_1", "key": "k", "value": 1, "step": "x"}, 400, None),
    ("POST", f"{_API}/runs/search", {"filter": "nonsense"}, 400, "INVALID_PARAMETER_VALUE"),
    ("PUT", f"{_FILES}/exp_1/../../x", b"", 400, "INVALID_PARAMETER_VALUE"),
    ("PUT", f"{_FILES}/exp_1/%2e%2e/x", b"", 400, "INVALID_PARAMETER_VALUE"),
    ("PUT", f"{_FILES}/other/x", b"", 404, "RESOURCE_DOES_NOT_EXIST"),
    ("GET", f"{_FILES}/exp_1/none", None, 404, "RESOURCE_DOES_NOT_EXIST"),
]


def test_what_is_wrong_is_refused(client: Client) -> None:
    for method, path, body, status, code in _WRONG:
        found, answer = client.call(method, path, body)
        assert found == status, (path, answer)
        assert code in (None, answer["error_code"]), (path, answer)
    assert client.data() == {"metrics": {}, "params": {}, "tags": {}}
    assert not (client.run.parent / "x").exists()


def test_without_the_token_nothing_is_answered(client: Client) -> None:
    status, answer = client.call("PUT", f"{_FILES}/exp_1/x", b"0" * 1000, token="other")
    assert (status, answer["error_code"]) == (401, "UNAUTHENTICATED")
    client.data()  # over a new connection: the body that was not read is not taken for a request
    assert not (client.run / "artifacts").exists()


def test_files_of_a_client_that_has_the_token_in_the_address_and_sends_it_besides(client: Client) -> None:
    """As MLflow 1.30 does."""
    path = f"/{client.token}{_FILES}/exp_1/model/requirements.txt"
    assert client.call("PUT", path, b"mlflow") == (200, {})
    assert client.call("GET", path) == (200, b"mlflow")


def test_the_server_ends_with_what_has_started_it(tmp_path: Path) -> None:
    (tmp_path / "shim.log").touch()
    door = MlflowDoor("exp_1", "exp", str(tmp_path))
    door.answer({"PYTHONPATH": str(Path(trainshed.__file__).parent.parent), "TRAINSHED_RUN_DIR": str(tmp_path)})
    pid, door._pid = door._pid, 0
    os.close(door._held)  # as at the end of a process, however it ends
    assert os.waitpid(pid, 0)[1] == 0
    door.close()


def test_clients_of_a_server_that_died_are_refused(client: Client) -> None:
    client.data()
    os.kill(client.server, signal.SIGKILL)
    os.waitid(os.P_PID, client.server, os.WEXITED | os.WNOWAIT)
    client.close()  # what it had is cut; the next call connects anew
    with pytest.raises(ConnectionRefusedError):
        client.data()
