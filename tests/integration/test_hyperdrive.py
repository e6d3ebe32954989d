"""A sweep's run over children that were made by hand."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from trainshed import Estimator, Experiment, Workspace
from trainshed.api.hyperdrive import (
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    uniform,
)
from trainshed.errors import HyperDriveConfigException
from trainshed.spec.environment import EXISTING, EnvironmentSpec
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec


def child(experiment: Experiment, code: str, **more: Any) -> str:
    """Run some code to its end and return the run's id."""
    spec = RunSpec(
        experiment.name,
        command=(sys.executable, "-c", f"from azureml.core import Run; run = Run.get_context()\n{code}"),
        environment=EnvironmentSpec(kind=EXISTING, interpreter=sys.executable),
        **more,
    )
    record = experiment.workspace.connection.call(
        "POST", "/runs", {"submit_id": os.urandom(16).hex(), "spec": to_json(spec)}
    )
    run = experiment.workspace.get_run(record["id"])
    run.wait_for_completion(raise_on_error=False)
    return run.id


def best(swept: HyperDriveRun, **how: Any) -> str:
    """Return the id of the best run of a sweep."""
    found = swept.get_best_run_by_primary_metric(**how)
    assert found is not None
    return found.id


def log(*values: float) -> str:
    return "\n".join(f"run.log('accuracy', {value})" for value in values)


def goal(name: str) -> dict[str, str]:
    return {"primary_metric_config": json.dumps({"name": "accuracy", "goal": name})}


@pytest.fixture
def experiment(shared_workspace: Workspace, request: pytest.FixtureRequest) -> Experiment:
    return Experiment(shared_workspace, request.function.__name__)


def test_the_best_of_the_children(experiment: Experiment) -> None:
    parent = child(experiment, "", tags=goal("maximize"))
    tags = {"hyperparameters": json.dumps({"--alpha": 0.5})}
    ids = [
        child(experiment, log(0.5, 0.7, 0.6), parent=parent, tags=tags),
        child(experiment, log(0.2, float("0.9")) + "\nraise SystemExit(3)", parent=parent),
        child(experiment, "", parent=parent),
        child(experiment, log(0.7), parent=parent),
    ]
    swept = HyperDriveRun(experiment, parent)
    assert best(swept) == ids[1]
    assert best(swept, include_failed=False) == ids[0]
    rows = swept.get_children_sorted_by_primary_metric()
    assert [row["run_id"] for row in rows] == [ids[1], ids[0], ids[3], ids[2]]
    assert rows[0] == {"run_id": ids[1], "hyperparameters": "{}", "best_primary_metric": 0.9, "status": "Failed"}
    assert rows[1]["hyperparameters"] == '{"--alpha": 0.5}'
    worst = swept.get_children_sorted_by_primary_metric(top=3, reverse=True, discard_no_metric=True)
    assert [row["best_primary_metric"] for row in worst] == [0.7, 0.7, 0.9]
    assert swept.get_hyperparameters()[ids[0]] == '{"--alpha": 0.5}'
    assert swept.get_metrics()[ids[0]] == {"accuracy": [0.5, 0.7, 0.6]}
    assert swept.get_metrics()[ids[2]] == {}
    for wrong in ({"top": "1"}, {"top": -1}, {"reverse": 1}, {"discard_no_metric": None}):
        with pytest.raises(AssertionError, match=next(iter(wrong))):
            swept.get_children_sorted_by_primary_metric(**wrong)

    sampling = RandomParameterSampling({"--alpha": uniform(0, 1)})
    estimator = Estimator("./src", compute_target="local", entry_script="train.py")
    other = HyperDriveConfig(sampling, "accuracy", PrimaryMetricGoal.MINIMIZE, 4, estimator=estimator)
    least = HyperDriveRun(experiment, parent, other)
    assert least.hyperdrive_config is other
    assert best(least) == ids[1]


def test_a_sweep_without_children_and_one_without_a_metric(experiment: Experiment) -> None:
    alone = child(experiment, "")
    with pytest.raises(HyperDriveConfigException, match=r"primary metric of run .* is unknown"):
        HyperDriveRun(experiment, alone).get_best_run_by_primary_metric()
    named = child(experiment, "", tags=goal("minimize"))
    assert HyperDriveRun(experiment, named).get_best_run_by_primary_metric() is None
    assert HyperDriveRun(experiment, named).get_children_sorted_by_primary_metric() == []
