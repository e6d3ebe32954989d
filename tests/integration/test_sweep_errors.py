"""Sweeps that cannot work, and what users are told of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sweeping import LOG, Script, config, estimator_of, log, swept, trials

from trainshed import Experiment, Workspace
from trainshed.api.hyperdrive import BanditPolicy, MedianStoppingPolicy, RandomParameterSampling, choice, uniform
from trainshed.errors import ActivityFailedException, HyperDriveConfigException, TrainingException


@pytest.fixture
def experiment(shared_workspace: Workspace, request: pytest.FixtureRequest) -> Experiment:
    return Experiment(shared_workspace, request.function.__name__)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return estimator_of(tmp_path)


def test_a_script_that_does_not_take_the_arguments(
    experiment: Experiment, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    run = swept(experiment, config(script(), {"--learning-rate": uniform(0, 1)}, 20, max_concurrent_runs=1))
    assert "The script 'train.py' does not seem to accept --learning-rate." in caplog.text
    assert run.get_status() == "Failed"
    assert len(trials(run)) == 1
    with pytest.raises(ActivityFailedException, match="The script does not accept --learning-rate"):
        run.wait_for_completion()
    assert run.get_best_run_by_primary_metric() is None


def test_a_script_that_fails_whatever_its_parameters(experiment: Experiment, script: Script) -> None:
    run = swept(experiment, config(script("1 / 0"), {"--alpha": uniform(0, 1)}, 20, max_concurrent_runs=1))
    assert len(trials(run)) == 3
    with pytest.raises(ActivityFailedException, match=r"The first 3 runs failed, so the sweep was ended\. Run .*_0'"):
        run.wait_for_completion()


def test_a_metric_that_never_comes_is_said(experiment: Experiment, script: Script) -> None:
    code = "import sys; from azureml.core import Run; Run.get_context().log('acuracy', 1)"
    run = swept(experiment, config(script(code), {"--alpha": uniform(0, 1)}, 2))
    (warning,) = [warning["message"] for warning in run.get_details()["warnings"]]
    assert "without logging the primary metric 'accuracy'; it logged acuracy. Did you mean 'acuracy'?" in warning
    assert log(run).count("without logging the primary metric") == 2


def test_a_metric_that_does_not_come_is_said_while_it_runs(experiment: Experiment, script: Script) -> None:
    code = """
import signal
from azureml.core import Run
for _ in range(10):
    Run.get_context().log('acuracy', 1)
signal.pause()
"""
    policy = MedianStoppingPolicy()
    run: Any = experiment.submit(config(script(code), {"--alpha": uniform(0, 1)}, 2, policy=policy))
    workspace: Any = experiment.workspace
    for piece in workspace.connection.stream("GET", f"/runs/{run.id}/files/{LOG}", {"follow": 1}):
        if b"has logged acuracy, but not the primary metric 'accuracy' so far. Did you mean 'acuracy'?" in piece:
            break
    assert run.get_status() == "Running"
    assert f"Job '{run.id}_0' has not logged 'accuracy' so far, so the policy cannot be applied to it" in log(run)
    run.cancel()
    run.wait_for_completion()


def test_a_space_with_an_end_ends_the_sweep(experiment: Experiment, script: Script) -> None:
    space, policy = {"--alpha": choice(0.1, -0.2, 0.1), "--layers": choice(1, 2)}, BanditPolicy(slack_factor=0.1)
    run = swept(experiment, config(script(), space, 40, policy=policy))
    assert len({json.dumps(trial["parameters"]) for trial in trials(run)}) == len(trials(run)) == 4
    assert run.get_properties()["space_size"] == "4"
    assert log(run).count("All jobs generated.") == 1
    assert log(run).count("'accuracy' is negative, so slack_factor, which is a ratio, does not make sense.") == 1


def test_what_cannot_be_swept(experiment: Experiment, script: Script) -> None:
    space = {"--alpha": uniform(0, 1)}
    for what, says in (
        (config(script(), {}, 2), "parameter space is empty"),
        (config(script(), space, 0, max_concurrent_runs=None), "max_total_runs must be 1 to"),
        (config(script(), space, 2, max_concurrent_runs=0), "max_concurrent_runs must be 1 to"),
        (config(script(), space, 2, max_duration_minutes=0), "max_duration_minutes must be above 0"),
        (config(script(), {"--alpha": choice(1), "alpha": choice(2)}, 2), "'--alpha' and 'alpha' are the same option"),
        (config(script(), {"--alpha": choice(object())}, 2), "cannot be passed to a script"),
        (config(script(), {"my alpha": choice(1)}, 2), "cannot be an option"),
        (config(script(), RandomParameterSampling(space, {"seed": "x"}), 2), "seed must be a whole number"),
    ):
        with pytest.raises(HyperDriveConfigException, match=says):
            experiment.submit(what)
    with pytest.raises(TrainingException, match="not 'retries'"):
        experiment.submit(config(script(), space, 2), max_retries=1, retries=1)
    assert list(experiment.get_runs(include_children=True)) == []
