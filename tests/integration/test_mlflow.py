"""What a script logs with MLflow lands in its run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mlflow_rest import REST
from waiting import until_logged

from trainshed import Experiment, Model, MpiConfiguration, ScriptRunConfig, Workspace

_REAL = """
import sys, mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric
print("mlflow", mlflow.__version__)
mlflow.set_experiment("whatever")
with mlflow.start_run() as active:
    mlflow.log_param("lr", 0.1)
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"acc": 0.9, "auc": 0.8})
    mlflow.set_tag("stage", "test")
    # When a model is logged, what the run has logged before is sent again with the model's id.
    client, of_model = MlflowClient(), mlflow.initialize_logged_model(name="net").model_id
    before = client.get_metric_history(active.info.run_id, "loss")[:2]
    client.log_batch(active.info.run_id, [Metric(each.key, each.value, each.timestamp, each.step, of_model) for each in before])
    mlflow.log_text("hello", "sub/notes.txt")
    mlflow.log_dict({"x": 1}, "outputs/d.json")
    data = client.get_run(active.info.run_id).data
    assert (data.params, data.metrics["loss"]) == ({"lr": "0.1"}, 1 / 3), data
    assert [point.step for point in client.get_metric_history(active.info.run_id, "loss")] == [0, 1, 2]
    assert mlflow.artifacts.load_text(f"runs:/{active.info.run_id}/sub/notes.txt") == "hello"
    with mlflow.start_run(nested=True, run_name="fold 1"):
        mlflow.log_metric("acc", 0.5)
    client.create_registered_model("notes")
    client.create_model_version("notes", f"runs:/{active.info.run_id}/sub", active.info.run_id)
"""
_FITS = """
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
mlflow.autolog()
x, y = load_iris(return_X_y=True)
with mlflow.start_run() as active:
    model = LogisticRegression(max_iter=300).fit(x, y)
    info = mlflow.sklearn.log_model(model, name="mine", input_example=x[:2], registered_model_name="iris")
    assert (mlflow.sklearn.load_model(info.model_uri).predict(x) == model.predict(x)).all()
    mlflow.pyfunc.load_model(f"runs:/{active.info.run_id}/mine")
"""
_PACKAGES = os.environ.get("TRAINSHED_TEST_MLFLOW", "mlflow-skinny==3.17.2").split()
"""Others are for a look by hand: ``mlflow-skinny==3.15.* mlflow==3.16.*``; the whole of MLflow takes minutes."""


def _config(folder: Path, text: str, **more: Any) -> ScriptRunConfig:
    (folder / "train.py").write_text(text)
    return ScriptRunConfig(str(folder), script="train.py", **more)


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_client_of_mlflow_logs_to_the_run(workspace: Workspace, project: Path, package: str) -> None:
    config = _config(project, _REAL)
    dependencies = config.run_config.environment.python.conda_dependencies
    dependencies.add_pip_package(package)
    run = Experiment(workspace, "tracked").submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"loss": [1.0, 0.5, 1 / 3], "acc": 0.9, "auc": 0.8}
    assert run.get_properties()["mlflow.param.lr"] == "0.1"
    assert run.get_tags()["stage"] == "test"
    assert {"sub/notes.txt", "outputs/d.json"} <= set(run.get_file_names())
    assert "View run" not in run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
    (child,) = run.get_children()
    assert (child.name, child.get_status(), child.get_metrics()) == ("fold 1", "Completed", {"acc": 0.5})
    assert Model(workspace, "notes").run_id == run.id
    assert run.get_details().get("warnings", []) == []
    if not package.startswith("mlflow=="):
        return
    config = _config(project, _FITS)
    for each in (package, "scikit-learn"):
        config.run_config.environment.python.conda_dependencies.add_pip_package(each)
    run = Experiment(workspace, "tracked").submit(config)
    run.wait_for_completion()
    assert run.get_metrics()["training_score"] > 0.9
    assert run.get_properties()["mlflow.param.max_iter"] == "300"
    assert {"mine/MLmodel", "mine/input_example.json", "model/MLmodel"} <= set(run.get_file_names())
    assert Model(workspace, "iris").run_id == run.id


def test_every_rank_logs_to_the_run(workspace: Workspace, project: Path) -> None:
    text = f"{REST}\nmlflow('runs/set-tag', key='rank-' + os.environ['OMPI_COMM_WORLD_RANK'], value='here')"
    run = Experiment(workspace, "tracked").submit(_config(project, text, distributed_job_config=MpiConfiguration(2)))
    run.wait_for_completion()
    assert run.get_tags() == {"rank-0": "here", "rank-1": "here"}


def test_what_is_logged_while_the_run_is_ended_is_kept(workspace: Workspace, project: Path) -> None:
    text = (
        f"{REST}\nimport signal, sys\n"
        "def end(*_):\n    mlflow('runs/log-metric', key='last', value=1)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nmlflow('runs/set-tag', key='up', value='yes')\nprint('up')\nsignal.pause()"
    )
    run = Experiment(workspace, "tracked").submit(_config(project, text))
    until_logged(run, "up")
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert (run.get_status(), run.get_metrics()) == ("Canceled", {"last": 1.0})


def test_an_address_of_the_users_own_is_left_alone(workspace: Workspace, project: Path) -> None:
    config = _config(project, "import os\nprint({k: v for k, v in os.environ.items() if k.startswith('MLFLOW')})")
    config.run_config.environment.environment_variables["MLFLOW_TRACKING_URI"] = "file:./mine"
    run = Experiment(workspace, "tracked").submit(config)
    run.wait_for_completion()
    log = run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
    assert log == "{'MLFLOW_TRACKING_URI': 'file:./mine'}\n"
