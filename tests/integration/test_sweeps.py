"""Sweeps as users run them: real runs on the embedded service."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from sweeping import TRAIN, Script, config, estimator_of, log, swept, trials, until_begun

from trainshed import Experiment, ScriptRunConfig, Workspace
from trainshed.api.hyperdrive import (
    ASHAPolicy,
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveRun,
    HyperDriveRunConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    uniform,
)
from trainshed.errors import UserErrorException
from trainshed.spec.environment import EXISTING, EnvironmentSpec
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.spec.sweep import SweepSpec
from trainshed.sweeps.known import Known
from trainshed.sweeps.samplers import propose
from trainshed.widgets import RunDetails


@pytest.fixture
def experiment(shared_workspace: Workspace, request: pytest.FixtureRequest) -> Experiment:
    return Experiment(shared_workspace, request.function.__name__)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return estimator_of(tmp_path)


def test_a_grid_over_an_estimator(experiment: Experiment, script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    estimator = script(script_params={"--alpha": 9, "--epochs": 2, "--layers": 7})
    space = GridParameterSampling({"--alpha": choice(0.1, 0.2), "layers": choice(1, 2, 3)})
    run = swept(experiment, config(estimator, space, 10, custom_run_id="my-sweep"), tags={"stage": "trial"})
    assert run.id == "my-sweep"
    assert run.get_status() == "Completed"
    assert run.type == "hyperdrive"
    assert run.tags == {"stage": "trial"}
    expected = [{"--alpha": alpha, "layers": layers} for alpha in (0.1, 0.2) for layers in (1, 2, 3)]
    assert [trial["parameters"] for trial in trials(run)] == expected
    assert [trial["run_id"] for trial in trials(run)] == [f"my-sweep_{number}" for number in range(6)]
    best = run.get_best_run_by_primary_metric()
    assert best is not None
    assert best.id == "my-sweep_5"
    assert best.get_details()["runDefinition"]["arguments"] == ["--epochs", "2", "--alpha", "0.2", "--layers", "3"]
    assert best.get_metrics()["accuracy"] == pytest.approx([0.6, 0.6])
    assert json.loads(run.get_hyperparameters()["my-sweep_0"]) == expected[0]
    assert {child.type for child in run.get_children()} == {"azureml.scriptrun"}
    told = run.get_properties()
    assert json.loads(told["primary_metric_config"]) == {"name": "accuracy", "goal": "maximize"}
    assert (told["runTemplate"], told["space_size"], told["best_child_run_id"]) == ("HyperDrive", "6", "my-sweep_5")
    assert float(told["score"]) == pytest.approx(0.6)
    assert (told["azureml.runsource"], told["platform"]) == ("hyperdrive", "AML")
    assert told["best_metric_status"] == "Succeeded"
    assert [json.loads(child.tags["hyperparameters"]) for child in run.get_children()] == expected[::-1]
    lines = log(run).splitlines()
    assert "[API][INFO]Experiment created" in lines[0]
    assert "[GENERATOR][INFO]Trying to sample '2' jobs" in lines[1]
    assert "Scheduling job, id='my-sweep_0'" in lines[2]
    assert "[GENERATOR][INFO]All jobs generated." in lines[-2]
    assert "[CONTROLLER][INFO]Changing Run Status from Running to Completed" in lines[-1]
    again = experiment.workspace.get_run("my-sweep")  # another program, which has no configuration
    assert isinstance(again, HyperDriveRun)
    assert again.get_best_run_by_primary_metric() == best
    assert [row["run_id"] for row in again.get_children_sorted_by_primary_metric(top=1)] == ["my-sweep_5"]
    capsys.readouterr()
    RunDetails(run).show()
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == [
        f"Run my-sweep of {experiment.name}: Completed",
        f"  best so far: {best.get_metrics()['accuracy'][0]} of my-sweep_5",
    ]
    assert shown[2].startswith("  child my-sweep_5: Completed, 0.6")
    html = run._call("GET", "fragment")["html"]
    assert "6 of at most 10 runs; best accuracy so far: 0.6, my-sweep_5" in html
    assert html.count("<polyline") == 6


def test_never_more_runs_at_once_than_allowed(experiment: Experiment, script: Script) -> None:
    run = swept(experiment, config(script(), {"--alpha": uniform(0, 1)}, 7, max_concurrent_runs=3))
    events = []
    for child in run.get_children():
        passed = experiment.workspace.connection.call("GET", f"/runs/{child.id}/events")["events"]
        events += [(passed[0]["time"], 1), (passed[-1]["time"], -1)]
    now, most = 0, 0
    for _, change in sorted(events):
        now += change
        most = max(most, now)
    assert (len(events), most) == (14, 3)


def test_a_policy_stops_a_run_with_grace(experiment: Experiment, script: Script) -> None:
    space = GridParameterSampling({"--alpha": choice(0.9, 0.1, 0.8)})
    estimator = script(script_params={"--wait": "", "--epochs": 4})
    estimator.run_config.arguments = ["--wait", "--epochs", 4]
    policy = BanditPolicy(slack_factor=0.2, evaluation_interval=2)
    run = swept(experiment, config(estimator, space, 3, policy=policy, max_concurrent_runs=1))
    assert [(trial["status"], trial["stopped_at"]) for trial in trials(run)] == [
        ("Completed", None),
        ("Canceled", 2),
        ("Completed", None),
    ]
    stopped: Any = experiment.workspace.get_run(f"{run.id}_1")
    assert "outputs/saved.txt" in stopped.get_file_names()  # it received SIGTERM and had the time to save
    assert f"Policy stops job, id='{run.id}_1', at interval 2" in log(run)
    assert "Max number of jobs '3' reached for experiment." in log(run)
    assert stopped.record()["reason"] == "stopped_by_policy"
    said = "The sweep's BanditPolicy stopped this run at interval 2, with 'accuracy' 0.1."
    assert stopped.get_detailed_status() == {"status": "Canceled", "details": said}
    assert said in [warning["message"] for warning in stopped.get_details()["warnings"]]
    assert run.get_status() == "Completed"


def test_successive_halving(experiment: Experiment, script: Script) -> None:
    estimator = script()
    estimator.run_config.arguments = ["--wait", "--epochs", 4]
    space = GridParameterSampling({"--alpha": choice(0.9, 0.4, 0.3)})
    policy = ASHAPolicy(reduction_factor=2)
    run = swept(experiment, config(estimator, space, 3, policy=policy, max_concurrent_runs=1))
    assert [trial["stopped_at"] for trial in trials(run)] == [None, 1, 1]


def test_cancel_ends_all_runs(experiment: Experiment, script: Script) -> None:
    estimator = script()
    estimator.run_config.arguments = ["--wait"]
    run: Any = experiment.submit(config(estimator, {"--alpha": uniform(0, 0.1)}, 50, max_concurrent_runs=3))
    for number in range(2):
        until_begun(run, f"{run.id}_{number}")
    run.cancel(experiment.workspace, run.id)  # as in 2018
    assert run.wait_for_completion().status == "Canceled"
    found = trials(run)
    assert len(found) == 3
    assert {trial["status"] for trial in found} == {"Canceled"}
    assert "Changing Run Status from Running to Canceled" in log(run)
    assert "All jobs generated." not in log(run)
    assert run.id.startswith("HD_")


def test_the_rest_of_a_sweep_that_was_canceled(experiment: Experiment, script: Script) -> None:
    code = TRAIN.replace("stopped.wait()", "os.environ['GO'] or stopped.wait()")
    estimator = script(code, environment_variables={"GO": ""})
    estimator.run_config.arguments = ["--wait"]
    run: Any = experiment.submit(config(estimator, {"--alpha": uniform(0, 0.49)}, 3))
    with pytest.raises(UserErrorException, match="has not ended"):
        run.resume()
    until_begun(run, f"{run.id}_1")
    run.cancel()
    run.wait_for_completion()
    with pytest.raises(UserErrorException, match="Pass GO again as environment_variables"):
        run.resume()
    rest = run.resume(environment_variables={"GO": "1"}, max_concurrent_runs=1)
    assert rest.wait_for_completion().status == "Completed"
    # The canceled ones first, then those that would have come.
    known = Known(json.dumps({"--alpha": uniform(0, 0.49)}), seed=5, maximize=True)
    assert [trial["parameters"] for trial in trials(rest)] == [propose("random", known, number) for number in range(3)]
    table = rest.to_pandas_dataframe()
    assert list(table["--alpha"]) == [trial["parameters"]["--alpha"] for trial in trials(rest)]
    assert set(table["status"]) == {"Completed"}
    with pytest.raises(UserErrorException, match="has done all its 3 runs"):
        rest.resume()
    more = rest.resume(1, environment_variables={"GO": "1"})
    more.wait_for_completion()
    assert [trial["parameters"] for trial in trials(more)] == [propose("random", known, 3)]


def test_the_duration_ends_a_sweep(shared_workspace: Workspace) -> None:
    workspace = shared_workspace
    sweep = SweepSpec("random", '{"--a": ["uniform", [0, 1]]}', "accuracy", True, 9, 2, max_duration_minutes=0.01)
    code = "import time; print('ready', flush=True); time.sleep(600)"
    trial = RunSpec(
        "sweep",
        command=(sys.executable, "-c", code),
        environment=EnvironmentSpec(kind=EXISTING, interpreter=sys.executable),
    )
    body = {"submit_id": os.urandom(16).hex(), "sweep": to_json(sweep), "spec": to_json(trial)}
    record = workspace.connection.call("POST", "/sweeps", body)
    # The answer to a submit may be lost: a second one is the same sweep.
    assert workspace.connection.call("POST", "/sweeps", body)["id"] == record["id"]
    with pytest.raises(UserErrorException, match="another request"):
        workspace.connection.call("POST", "/sweeps", {**body, "sweep": to_json(sweep._replace(seed=3))})
    run: Any = workspace.get_run(record["id"])
    assert run.wait_for_completion().status == "Completed"
    assert {trial["status"] for trial in trials(run)} == {"Canceled"}
    assert run.get_best_run_by_primary_metric() is None
    assert "The maximum duration is reached" in log(run)


def test_the_same_seed_gives_the_same_sweep(experiment: Experiment, script: Script) -> None:
    def parameters(**more: Any) -> list[Any]:
        sampling = RandomParameterSampling({"--alpha": uniform(0, 1)}, **more)
        return [trial["parameters"] for trial in trials(swept(experiment, config(script(), sampling, 3)))]

    assert parameters(properties={"seed": 1}) == parameters(properties={"seed": 1})
    assert parameters() != parameters()


def test_bayesian_sampling_of_a_script_run_config(experiment: Experiment, script: Script) -> None:
    folder = script().source_directory
    runs = ScriptRunConfig(folder, "train.py", arguments=["--epochs", 1])
    runs.run_config.environment.python.user_managed_dependencies = True
    space = BayesianParameterSampling({"--alpha": uniform(0, 1), "--layers": choice(1, 2, 3)}, {"seed": 5})
    run = swept(experiment, config(None, space, 9, run_config=runs))
    assert run.get_status() == "Completed"
    assert len(trials(run)) == 9
    earlier = HyperDriveRun(experiment, run.id)
    more = swept(experiment, config(None, space, 2, run_config=runs, resume_from=earlier))
    assert json.loads(more.get_properties()["resume_from"]) == [run.id]
    # It learns from the earlier one, and does not begin with a point that any seed may give.
    first = trials(more)[0]["parameters"]
    assert (first["--layers"], first["--alpha"] > 0.5) == (3, True)
    best = more.get_best_run_by_primary_metric()
    alone = more.get_best_run_by_primary_metric(include_resume_from_runs=False)
    assert best is not None
    assert alone is not None
    assert alone.parent == more


def test_a_run_is_resumed_with_its_outputs(experiment: Experiment, script: Script) -> None:
    first = swept(experiment, config(script(), {"--alpha": uniform(0, 1)}, 2))
    best: Any = first.get_best_run_by_primary_metric()
    more = config(script(), {"--alpha": uniform(0, 1)}, 2, resume_from=first, resume_child_runs=[best])
    second = swept(experiment, more)
    found = trials(second)
    assert found[0]["parameters"] == json.loads(first.get_hyperparameters()[best.id])
    resumed: Any = experiment.workspace.get_run(found[0]["run_id"])
    told = b"".join(resumed.read("azureml-logs/70_driver_log.txt")).decode()
    assert f"resumed {found[0]['parameters']['--alpha']}" in told
    assert (
        "--resume-from"
        not in experiment.workspace.get_run(found[1]["run_id"]).get_details()["runDefinition"]["arguments"]
    )
    with pytest.raises(UserErrorException, match="it is not a run of a sweep"):
        experiment.submit(config(script(), {"--alpha": uniform(0, 1)}, 2, resume_child_runs=[first]))


def test_a_run_that_lost_its_shim_is_repeated(experiment: Experiment, script: Script) -> None:
    estimator = script()
    estimator.run_config.arguments = ["--wait"]
    space = GridParameterSampling({"--alpha": choice(0.1)})
    run: Any = experiment.submit(config(estimator, space, 1), max_retries=1)
    workspace: Any = experiment.workspace
    for child in (f"{run.id}_0", f"{run.id}_0_attempt_2"):
        until_begun(run, child)
        shim = json.loads((Path(workspace.path) / "runs" / child / "shim.json").read_text())
        os.kill(shim["pid"], signal.SIGKILL)
    run.wait_for_completion(raise_on_error=False)
    assert [(trial["attempt"], trial["status"]) for trial in trials(run)] == [(2, "Failed")]
    assert "it is repeated as" in log(run)


def test_secrets_reach_the_script_and_nothing_else(experiment: Experiment, script: Script) -> None:
    code = "import os; from azureml.core import Run; Run.get_context().log('accuracy', len(os.environ['WORD']))"
    estimator = script(code, environment_variables={"WORD": "hunter2"})
    run = swept(experiment, config(estimator, {"--alpha": uniform(0, 1)}, 2))
    assert [trial["best"] for trial in trials(run)] == [7, 7]
    workspace: Any = experiment.workspace
    folder = Path(workspace.path)
    assert not any(b"hunter2" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_configuration_of_2018(experiment: Experiment, script: Script) -> None:
    sampling = GridParameterSampling({"alpha": choice(0.1, 0.2)})
    made = HyperDriveRunConfig(script(), sampling, "accuracy", PrimaryMetricGoal.MINIMIZE, 2)
    best = swept(experiment, made).get_best_run_by_primary_metric()
    assert best is not None
    assert best.get_metrics() == {"accuracy": 0.1}


def test_a_sweep_is_removed_with_its_runs(experiment: Experiment, script: Script) -> None:
    run = swept(experiment, config(script(), {"--alpha": uniform(0, 1)}, 2))
    experiment.workspace.connection.call("DELETE", f"/runs/{run.id}", query={"children": 1})
    assert list(experiment.get_runs(include_children=True)) == []
