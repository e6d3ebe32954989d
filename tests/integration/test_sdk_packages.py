"""Packages of SDK v1, named where its programs named them: real runs whose scripts import what these brought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainshed import Environment, Estimator, Experiment, RunConfiguration, ScriptRunConfig, SKLearn, Workspace
from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.errors import ActivityFailedException, ComputeTargetException

TRAIN = """
import numpy as np
import pandas as pd
from azureml.core import Run

frame = pd.DataFrame({"weight": np.arange(4.0)})
Run.get_context().log("mean", frame.weight.mean())
"""
ASKED = "azureml-dataprep[pandas]"


def _finished(workspace: Workspace, config: Any) -> Any:
    run = Experiment(workspace, "sdk-packages").submit(config)
    run.wait_for_completion(show_output=True)
    assert run.get_metrics() == {"mean": 1.5}
    return run


def test_an_estimator_gets_what_a_package_of_v1_brought(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text(TRAIN)
    est = Estimator(str(project), entry_script="train.py", compute_target="local", pip_packages=[ASKED])
    run = _finished(workspace, est)
    log = project.parent / "build.txt"
    run.download_file("azureml-logs/20_image_build_log.txt", str(log))
    said = [line for line in log.read_text().splitlines() if line.startswith("Note: In place of")]
    packages = "cloudpickle, jsonschema, numpy, pandas, pyyaml"
    assert said == [f"Note: In place of {ASKED} (SDK v1), these packages are installed: {packages}."]
    names = [each.partition("==")[0] for each in run.get_details()["environment"]["packages"]]
    assert "pandas" in names
    assert not [name for name in names if name.startswith("azureml")]


def test_wherever_it_is_named_it_means_the_same(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text(TRAIN)
    (project / "requirements.txt").write_text(f"{ASKED}>=1.1.14\n")
    (project / "environment.yml").write_text(f"name: x\ndependencies:\n- pip:\n  - {ASKED}\n")
    by_hand = Environment("by-hand")
    by_hand.python.conda_dependencies = CondaDependencies.create(pip_packages=[ASKED])
    config = RunConfiguration("train.py", conda_dependencies=CondaDependencies.create(pip_packages=[ASKED]))

    def estimator(**packages: Any) -> Estimator:
        return Estimator(str(project), entry_script="train.py", compute_target="local", **packages)

    given: list[Any] = [
        estimator(pip_requirements_file="requirements.txt"),
        estimator(conda_dependencies_file="environment.yml"),
    ]
    given += [
        ScriptRunConfig(str(project), "train.py", environment=environment)
        for environment in (
            Environment.from_conda_specification("yaml", str(project / "environment.yml")),
            Environment.from_pip_requirements("pip", str(project / "requirements.txt")),
            by_hand,
        )
    ]
    given.append(ScriptRunConfig(str(project), run_config=config))
    keys = {_finished(workspace, each).get_details()["environment"]["key"] for each in given}
    assert len(keys) == 1, "one environment for all"


@pytest.mark.parametrize("packages", [None, ["six==1.17.0"]])
def test_what_nobody_asked_for_is_not_installed(
    workspace: Workspace, project: Path, packages: list[str] | None
) -> None:
    (project / "train.py").write_text("")
    est = Estimator(str(project), entry_script="train.py", compute_target="local", pip_packages=packages)
    assert next(iter(est.conda_dependencies.pip_packages)) == "azureml-defaults"
    registered = est.run_config.environment.register(workspace)
    kept = Environment.get(workspace, registered.name)
    assert next(iter(kept.python.conda_dependencies.pip_packages)) == "azureml-defaults"
    for config in (est, ScriptRunConfig(str(project), "train.py", environment=kept)):
        run = Experiment(workspace, "sdk-packages").submit(config)
        run.wait_for_completion()
        assert run.get_details()["environment"]["packages"] == (packages or [])


def test_a_curated_environment_is_its_packages(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text(f"import sklearn, joblib, scipy\n{TRAIN}")
    config = ScriptRunConfig(source_directory=str(project), script="train.py", compute_target="local")
    config.run_config.environment = workspace.environments["AzureML-Scikit-learn-0.20.3"]
    run = _finished(workspace, config)
    said = [each["message"] for each in run.get_details()["warnings"]]
    assert said[0].startswith("The curated environment AzureML-Scikit-learn-0.20.3 stands for these packages here")
    run.download_file("azureml-logs/20_image_build_log.txt", str(project.parent / "build.txt"))
    assert f"Note: {said[0]}" in (project.parent / "build.txt").read_text()
    assert run.get_environment().name == "AzureML-Scikit-learn-0.20.3"
    curated = Environment.get(workspace=workspace, name="AzureML-Scikit-learn-0.20.3")
    again = ScriptRunConfig(str(project), "train.py", compute_target="local", environment=curated)
    assert _finished(workspace, again).get_details()["environment"]["cached"]


def test_names_of_environments(workspace: Workspace) -> None:
    Environment("mine").register(workspace)
    assert {"mine", "AzureML-Tutorial"} <= set(Environment.list(workspace))
    assert "AzureML-PyTorch-1.6-CPU" in workspace.environments
    assert workspace.environments["AzureML-sklearn-1.3-ubuntu22.04-py310-cpu"].python.conda_dependencies
    for name, says in (
        ("mnie", "There is no environment 'mnie'. Registered: mine."),
        ("AzureML-Designer", "The curated environment 'AzureML-Designer' is not available here."),
    ):
        with pytest.raises(KeyError, match=says):
            _ = workspace.environments[name]
    # One that is registered under such a name is the one that is meant.
    own = Environment("AzureML-Minimal")
    own.python.conda_dependencies.add_pip_package("six")
    own.register(workspace)
    assert "six" in list(Environment.get(workspace, "AzureML-Minimal").python.conda_dependencies.pip_packages)


def test_an_environment_is_built_before_it_is_needed(
    workspace: Workspace, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").write_text("import six")
    env = Environment("built")
    env.python.conda_dependencies.add_pip_package("six==1.17.0")
    build = env.build(workspace)
    assert build.status in ("Running", "Succeeded")
    assert build.wait_for_completion(show_output=True) is build
    assert build.status == "Succeeded"
    assert "six==1.17.0" in build.log()
    assert "The environment is ready: Python 3." in capsys.readouterr().out
    run = Experiment(workspace, "sdk-packages").submit(ScriptRunConfig(str(project), "train.py", environment=env))
    run.wait_for_completion()
    assert run.get_details()["environment"]["cached"]
    assert "Environment" in env.build_local(workspace)
    env.python.conda_dependencies.add_pip_package("six==99.99")
    failed = env.build(workspace)
    with pytest.raises(ActivityFailedException, match=r"six==99\.99"):
        failed.wait_for_completion(show_output=False)
    assert failed.status == "Failed"
    with pytest.raises(ComputeTargetException, match="no-such-cluster"):
        env.build(workspace, image_build_compute="no-such-cluster")


def test_a_conflict_with_what_was_put_in_place_is_explained(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text("")
    packages = ["threadpoolctl==1.0", "azureml-telemetry"]  # every scikit-learn that is left needs a later one
    est = SKLearn(str(project), entry_script="train.py", compute_target="local", pip_packages=packages)
    with pytest.raises(ActivityFailedException) as failed:
        Experiment(workspace, "sdk-packages").submit(est).wait_for_completion()
    lines = failed.value.message.splitlines()
    assert lines[0].endswith("failed: The packages could not be installed:")
    assert lines[1].startswith("Note: SKLearn: the default framework_version 0.20.3 cannot be installed on Python")
    assert lines[2].startswith("Note: In place of azureml-telemetry (SDK v1), these packages are installed: ")
    assert lines[3].startswith("The last lines of azureml-logs/20_image_build_log.txt")
    assert "threadpoolctl" in failed.value.message.partition(lines[3])[2]


def test_a_version_that_went_with_an_old_framework_gives_way(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text("import joblib, sklearn; assert joblib.__version__ != '0.13.2'")
    est = SKLearn(str(project), entry_script="train.py", compute_target="local", pip_packages=["joblib==0.13.2"])
    run = Experiment(workspace, "sdk-packages").submit(est)
    run.wait_for_completion()
    said = [each["message"] for each in run.get_details()["warnings"]]
    assert "joblib==0.13.2 belongs to a replaced release of SKLearn; joblib>=0.13.2 is used." in said
