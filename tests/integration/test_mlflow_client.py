"""MLflow's client, unmodified and outside of any job, with the service of a workspace."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from checkout import ROOT
from shell import Shell

from trainshed import Experiment, Model, ScriptRunConfig, Workspace

OURS = ("pyproject.toml", "compat/azureml/pyproject.toml")
LOGS = """
import json, pathlib, mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.entities import Metric, Param, RunTag
client = MlflowClient()
mlflow.set_experiment("Deep digits!")
with mlflow.start_run(run_name="first", tags={"stage": "test", "mlflow.note.content": "as ever"}) as active:
    one = active.info.run_id
    mlflow.log_params({"lr": 0.1, "layers": 2})
    for step, loss in enumerate((1.0, 0.5, 0.25)):
        mlflow.log_metric("loss", loss, step=step)
    mlflow.log_metric("loss", 9.0, step=1)
    mlflow.log_metrics({"acc": 0.9, "nan": float("nan"), "inf": float("inf")})
    mlflow.log_text("hello", "sub/notes.txt")
    pathlib.Path("weights.bin").write_bytes(bytes(range(256)) * 9000)
    mlflow.log_artifact("weights.bin", "model")
    with mlflow.start_run(nested=True, run_name="fold 1") as inner:
        mlflow.log_metric("acc", 0.5)
    made = mlflow.initialize_logged_model(name="tree", source_run_id=one)
    again = [Metric(p.key, p.value, p.timestamp, p.step, made.model_id) for p in client.get_metric_history(one, "loss")[:2]]
    client.log_batch(one, again)  # as when a model is logged; they are there already
    mlflow.finalize_logged_model(made.model_id, "READY")
with mlflow.start_run(run_name="second") as active:
    two = active.info.run_id
    mlflow.log_params({"lr": "1e-3"})
    mlflow.log_metric("loss", 0.75)
run = client.get_run(one)
assert (run.info.status, run.data.params) == ("FINISHED", {"lr": "0.1", "layers": "2"}), run
assert run.data.metrics["loss"] == 0.25 and run.data.metrics["inf"] == float("inf"), run.data.metrics
assert run.data.tags["mlflow.note.content"] == "as ever"
assert [(each.step, each.value) for each in client.get_metric_history(one, "loss")] == [(0, 1), (1, .5), (2, .25), (1, 9)]
try:
    client.log_param(one, "lr", "0.2")
    raise SystemExit("a parameter has changed")
except MlflowException as error:
    assert "Changing param values is not allowed" in str(error), error

def found(text, **more):
    return mlflow.search_runs(filter_string=text, **more)["tags.mlflow.runName"].tolist()

assert found("metrics.loss < 0.5 AND params.lr = '0.1'") == ["first"]
assert found("params.lr LIKE '1e%'") == ["second"]
assert found("attributes.status = 'FINISHED' and tags.stage IS NULL", order_by=["metrics.loss", "run_name"]) == ["second", "fold 1"]
assert found("", order_by=["metrics.loss DESC"]) == ["second", "first", "fold 1"]
pages = client.search_runs([run.info.experiment_id], max_results=2)
rest = client.search_runs([run.info.experiment_id], max_results=2, page_token=pages.token)
assert [len(pages), len(rest), rest.token] == [2, 1, None]
client.log_batch(two, [Metric("acc", 0.7, 1000, 3)], [Param("p", "v")], [RunTag("t", "u")])
client.set_terminated(two, "FAILED")
assert client.get_run(two).info.status == "FINISHED"  # what was said first stands
client.delete_run(two)
assert found("") == ["fold 1", "first"]
client.restore_run(two)
assert [each.path for each in client.list_artifacts(one)] == ["model", "sub"]
assert mlflow.artifacts.load_text(f"runs:/{one}/sub/notes.txt") == "hello"
assert pathlib.Path(mlflow.artifacts.download_artifacts(f"runs:/{one}/model/weights.bin")).read_bytes() == bytes(range(256)) * 9000
client.create_registered_model("digits", {"team": "a"}, "of digits")
version = client.create_model_version("digits", f"runs:/{one}/model", one, {"best": "yes"})
client.set_registered_model_alias("digits", "champion", version.version)
client.transition_model_version_stage("digits", version.version, "Production")
assert client.get_model_version_by_alias("digits", "champion").run_id == one
assert [each.version for each in client.search_model_versions("name = 'digits' and tags.best = 'yes'")] == ["1"]
assert [each.name for each in client.search_registered_models()] == ["digits"]
assert [each.model_id for each in mlflow.search_logged_models(output_format="list")] == [made.model_id]
experiment = client.create_experiment("other", tags={"a": "b"})
client.rename_experiment(experiment, "An other")
client.delete_experiment(experiment)
assert {each.name for each in client.search_experiments()} == {"Default", "Deep digits!"}
client.restore_experiment(experiment)
assert client.get_experiment_by_name("An other").tags == {"a": "b"}
print(json.dumps([one, two, inner.info.run_id]))
"""
READS = """
import json, sys, mlflow
from mlflow import MlflowClient
client = MlflowClient()
experiment = client.get_experiment_by_name("ours")
runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
job, hand = (runs[each] for each in sys.argv[1:])
assert (job.info.status, job.data.params) == ("FAILED", {"lr": "1e-3", "fast": "True"}), job
assert (hand.info.status, hand.info.run_name, hand.data.metrics) == ("RUNNING", "by hand", {"loss": 0.5}), hand
assert hand.data.tags["stage"] == "1"
assert "user_logs/std_log.txt" in {each.path for each in client.list_artifacts(job.info.run_id, "user_logs")}
client.set_tag(job.info.run_id, "seen", "yes")
client.log_metric(hand.info.run_id, "later", 1)
"""


class Client(NamedTuple):
    """A process with MLflow's client, and the workspace that it is told of."""

    workspace: Workspace
    python: str
    env: dict[str, str]
    folder: Path

    def __call__(self, program: str, *arguments: str) -> str:
        """Run a program; return what it prints."""
        argv = [self.python, "-c", program, *arguments]
        done = subprocess.run(argv, env=self.env, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request as a client would; return the status and the answer."""
        host = self.env["MLFLOW_TRACKING_URI"].partition("//")[2]
        connection = http.client.HTTPConnection(host, timeout=30)
        given = {"Authorization": f"Bearer {self.env['MLFLOW_TRACKING_TOKEN']}", **headers}
        connection.request(method, path, body if isinstance(body, bytes | None) else json.dumps(body), given)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if answer.headers["Content-Type"] == "application/json" else text


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory,
    open_workspace: Callable[[pytest.MonkeyPatch], AbstractContextManager[Workspace]],
) -> Iterator[Client]:
    """MLflow's client, in an environment of its own, told of a workspace by one command."""
    folder = tmp_path_factory.mktemp("client")
    python = folder / "env" / "bin" / "python"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", folder / "env", "--python", sys.executable], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", python, "mlflow-skinny==3.17.2", "pandas"], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("TRAINSHED_WORKSPACE", raising=False)
        patch.setenv("MLFLOW_TRACKING_TOKEN", "")  # taken back at the end
        with open_workspace(patch) as workspace:
            uri = workspace.get_mlflow_tracking_uri()
            told = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_TOKEN": os.environ["MLFLOW_TRACKING_TOKEN"]}
            quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
            yield Client(workspace, str(python), {**os.environ, **told, **quiet, "TMPDIR": str(folder)}, folder)


def test_what_a_client_logs_is_in_the_history(client: Client) -> None:
    workspace = client.workspace
    one, two, inner = json.loads(client(LOGS).splitlines()[-1])
    experiment = Experiment(workspace, "Deep-digits")
    runs: dict[str, Any] = {run.id: run for run in experiment.get_runs(include_children=True)}
    assert runs.keys() == {one, two, inner}
    run = runs[one]
    assert (run.name, run.get_status(), run.description) == ("first", "Completed", "as ever")
    assert run.get_metrics("loss") == {"loss": [1.0, 0.5, 0.25, 9.0]}
    assert [step for step, _, _ in run.series("loss")] == [0, 1, 2, 1]
    assert run.get_properties()["mlflow.param.lr"] == "0.1"
    assert run.get_tags()["stage"] == "test"
    assert {"model/weights.bin", "sub/notes.txt"} <= set(run.get_file_names())
    run.download_file("model/weights.bin", str(client.folder / "again.bin"))
    assert (client.folder / "again.bin").read_bytes() == bytes(range(256)) * 9000
    assert [child.id for child in run.get_children()] == [inner]
    assert runs[two].get_status() == "Completed"
    model = Model(workspace, "digits")
    assert (model.version, model.run_id, model.tags) == (1, one, {"best": "yes"})
    assert Path(model.download(str(client.folder / "model"))).is_dir()
    assert (client.folder / "model" / "model" / "weights.bin").is_file()
    assert {each["name"] for each in workspace.connection.call("GET", "/experiments")["experiments"]} >= {"An-other"}


def test_a_client_sees_runs_of_ours(client: Client, project: Path, this_python: str) -> None:
    experiment = Experiment(client.workspace, "ours")
    (project / "train.py").write_text("raise SystemExit(3)")
    config = ScriptRunConfig(str(project), "train.py", ["--lr", "1e-3", "--fast"], compute_target="local")
    config.run_config.environment.python.user_managed_dependencies = True
    config.run_config.environment.python.interpreter_path = this_python
    job = experiment.submit(config)
    job.wait_for_completion(raise_on_error=False)
    hand = experiment.start_logging(snapshot_directory=None, display_name="by hand", tags={"stage": 1})
    hand.log("loss", 0.5)
    hand.flush()
    client(READS, job.id, hand.id)
    assert job.get_tags()["seen"] == "yes"
    assert hand.get_metrics() == {"loss": 0.5, "later": 1.0}
    hand.complete()


PROJECT = {
    "MLproject": (
        "name: tutorial\npython_env: python_env.yaml\nentry_points:\n  main:\n    parameters:\n      alpha: float\n"
        "      l1_ratio: {type: float, default: 0.1}\n    command: python train.py {alpha} {l1_ratio}\n"
        "  packages:\n    command: python -c 'import six, sys; sys.exit(3)'\n"
    ),
    "python_env.yaml": "dependencies:\n  - -r requirements.txt\n",
    "requirements.txt": "# few\nsix==1.17.0\n",
    "train.py": "import sys\nfrom azureml.core import Run\nRun.get_context().log('sum', sum(map(float, sys.argv[1:])))\n",
}
SUBMITS = """
import json, sys, mlflow
from mlflow.exceptions import ExecutionException
mlflow.set_experiment("My projects!")
config = {"USE_CONDA": False}
done = mlflow.projects.run(uri=sys.argv[1], parameters={"alpha": 0.3}, backend="azureml", backend_config=config)
assert done.get_status() == "FINISHED" and "Status: Completed" in repr(done), done
later = mlflow.projects.run(sys.argv[1], "packages", backend="trainshed", synchronous=False)
assert not later.wait() and later.get_status() == "FAILED", later.get_status()
try:
    mlflow.projects.run(sys.argv[1], parameters={"alpha": 1}, backend="azureml", backend_config={"COMPUTE": "cpu-clutser"})
    raise SystemExit("there is such a cluster")
except Exception as error:
    assert "no compute target 'cpu-clutser'" in str(error), error
print(json.dumps([done.run_id, later.run_id]))
"""


def test_a_project_of_mlflow_is_a_run(client: Client, project: Path, tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (project / name).write_text(text)
    plugins = tmp_path / "plugins-0.dist-info"  # what an installation of both distributions tells MLflow
    plugins.mkdir()
    (plugins / "METADATA").write_text("Name: plugins\nVersion: 0\n")
    found = [
        re.search(r'^\[project.entry-points."(.+)"\]\n((?:.+\n)+)', (ROOT / path).read_text(), re.M) for path in OURS
    ]
    lines = "".join(each[2].replace('"', "") for each in found if each)
    (plugins / "entry_points.txt").write_text(f"[mlflow.project_backend]\n{lines}")
    paths = [str(tmp_path), *(str((ROOT / path).parent / "src") for path in OURS)]
    with_us = client._replace(env={**client.env, "PYTHONPATH": os.pathsep.join(paths)})
    done, later = json.loads(with_us(SUBMITS, str(project)).splitlines()[-1])
    runs: dict[str, Any] = {run.id: run for run in Experiment(client.workspace, "My-projects").get_runs()}
    assert runs[done].get_metrics() == {"sum": 0.4}
    assert runs[done].get_tags()["mlflow.project.backend"] == "azureml"
    assert runs[later].get_details()["environment"]["packages"] == ["six==1.17.0"]


API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


def test_what_is_wrong_is_refused_in_words_of_mlflow(client: Client) -> None:
    assert client.call("GET", "/version") == (200, b"3.17.0")
    made = client.call("POST", f"{API}/runs/create", {"experiment_id": "0", "start_time": 5000})[1]["run"]["info"]
    run, place = made["run_id"], f"{FILES}/{made['run_id']}"
    assert (made["start_time"], made["status"]) == (5000, "RUNNING")
    for method, path, body, status, says in [
        ("GET", f"{API}/runs/get?run_id=nobody", None, 404, "not found"),
        ("GET", f"{API}/runs/get", None, 400, "Missing value for required parameter 'run_id'"),
        ("POST", f"{API}/runs/search", {"filter": "nonsense"}, 400, "Invalid clause"),
        ("POST", f"{API}/runs/log-metric", {"run_id": run, "key": "k", "value": "high"}, 400, "parameter 'value'"),
        ("POST", f"{API}/runs/log-batch", {"run_id": run, "metrics": [{"key": "k"}]}, 400, "metrics[0].timestamp"),
        ("POST", f"{API}/runs/log-batch", [1], 400, "not a JSON object"),
        ("POST", f"{API}/runs/no-such-route", {}, 404, "does not answer"),
        ("POST", f"{API}/experiments/create", {"name": "Default"}, 400, "already exists"),
        ("POST", f"{API}/model-versions/create", {"name": "none", "source": "runs:/a/b"}, 404, "not found"),
        ("PUT", f"{place}/../../x", b"x", 400, "Invalid path"),
        ("PUT", f"{place}/a%2f..%2f..%2fx", b"x", 400, "Invalid path"),
        ("PUT", f"{FILES}/nobody/x", b"x", 404, "no run 'nobody'"),
        ("GET", f"{FILES}/models/../history.db", None, 404, "no model '..'"),
        ("GET", f"{place}/missing", None, 404, "no file 'missing'"),
    ]:
        found, answer = client.call(method, path, body)
        assert (found, says in answer.get("message", "")) == (status, True), (path, found, answer)
        assert answer["error_code"], answer
    assert client.call("GET", f"{API}/runs/get?run_id={run}", Authorization="Bearer wrong")[0] == 401
    assert client.call("POST", f"{API}/registered-models/create", {"name": "kept"})[0] == 200
    for source in ("/etc/passwd", "file:///etc", "mlflow-artifacts:/a/../../b", "models:/kept/%2e%2e/x"):
        version = {"name": "kept", "source": source}
        assert (
            client.call("POST", f"{API}/model-versions/create", version)[1]["error_code"] == "INVALID_PARAMETER_VALUE"
        )
    assert client.call("PUT", f"{place}/outputs/a.txt", b"one") == (200, {})
    assert client.call("PUT", f"{place}/outputs/a.txt", b"two") == (200, {})
    end = {"run_id": run, "status": "KILLED", "end_time": 6000}
    assert client.call("POST", f"{API}/runs/update", end)[1]["run_info"]["end_time"] == 6000
    assert client.call("GET", f"{place}/outputs/a.txt") == (200, b"two")
    record = client.workspace.connection.call("GET", f"/runs/{run}")
    assert (record["status"], record["experiment"]) == ("Canceled", "Default")
    assert client.call("DELETE", f"{place}/outputs/a.txt") == (200, {})
    assert client.call("GET", f"{FILES}?path={run}")[1] == {"files": []}


@pytest.mark.own_folder
def test_files_of_a_logged_model_are_checked_and_go_with_it(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    sh, models = Shell(capfd), "/api/2.0/mlflow/logged-models"
    model = client.call("POST", models, {"experiment_id": "0", "name": "net"})[1]["model"]["info"]["model_id"]
    put = f"/api/2.0/mlflow-artifacts/artifacts/models/{model}/MLmodel"
    assert client.call("PUT", put, b"flavors: {}")[0] == 200
    assert client.call("PATCH", f"{models}/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"})[0] == 200
    assert sh.json("verify")["damaged"] == []
    file = client.workspace.path / "mlflow" / model / "MLmodel"
    file.write_text("flavors: []")
    (damage,) = sh.json("verify", code=1)["damaged"]
    assert (damage["name"], damage["problem"]) == (model, "'MLmodel' has changed since it was logged")
    sh("gc")
    assert file.exists()
    assert client.call("DELETE", f"{models}/{model}")[0] == 200
    assert sh.json("verify")["damaged"] == []
    assert "leftovers" in sh("gc")
    assert not file.exists()


def test_one_command_tells_the_variables(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    told = Shell(capfd)("service", "access", "--mlflow")
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN")
    assert told == "".join(f"export {name}={client.env[name]}\n" for name in names)
