"""Names that stand for targets: programs that create or use their cluster by its name run elsewhere, unchanged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.runconfig import RunConfiguration
from trainshed.cli.main import main
from trainshed.errors import UserErrorException


@pytest.fixture
def far(workspace: Workspace, tmp_path: Path) -> str:
    """A target with a folder of its own on this machine, which tells where a run has run."""
    connect = ["env", f"TRAINSHED_HOME={tmp_path / 'far'}", "sh", "-c"]
    workspace.connection.call("PUT", "/targets/far", {"kind": "remote", "connect": connect, "slots": 3})
    return str(tmp_path / "far")


def program(ws: Workspace, folder: Path) -> list[str]:
    """The cell that public notebooks have, and a run on the cluster by its object and by its name."""
    cluster_name = "cpu-cluster"
    try:
        cpu_cluster = ComputeTarget(workspace=ws, name=cluster_name)
    except ComputeTargetException:
        config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
        cpu_cluster = ComputeTarget.create(ws, cluster_name, config)
    assert isinstance(cpu_cluster, AmlCompute)
    cpu_cluster.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    assert cluster_name in ws.compute_targets
    assert type(ws.compute_targets[cluster_name]) is AmlCompute
    assert cpu_cluster.get_status().serialize()["scaleSettings"]["maxNodeCount"] in (3, 4, 7)
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text("import os; print(os.getcwd())")
    python = Environment("this")
    python.python.user_managed_dependencies = True
    python.python.interpreter_path = sys.executable
    told = []
    for target in (cpu_cluster, cluster_name):
        src = ScriptRunConfig(str(folder), script="train.py", compute_target=target, environment=python)
        run = Experiment(ws, "names").submit(src)
        assert run.id in [each.id for each in cpu_cluster.get_active_runs()] or run.get_status() == "Completed"
        run.wait_for_completion(raise_on_error=True)
        run.download_file("azureml-logs/70_driver_log.txt", str(folder.parent / "log"))
        told += (folder.parent / "log").read_text().splitlines()
    cpu_cluster.delete()
    return told


@pytest.mark.own_folder
def test_unchanged_code_runs_where_the_workspace_says(
    workspace: Workspace, far: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["target", "map", "cpu-cluster", "far"]) == 0
    assert "cpu-cluster stands for far" in capsys.readouterr().out
    for _ in range(2):  # the name outlives the program's delete()
        assert [path.startswith(far) for path in program(workspace, tmp_path / "project")] == [True, True]
    # As a program does that creates it without looking, and that reads its settings back.
    made = ComputeTarget.create(workspace, "cpu-cluster", AmlCompute.provisioning_configuration(max_nodes=2))
    assert isinstance(made, AmlCompute)
    made.update(max_nodes=7)
    assert AmlCompute(workspace, "cpu-cluster").scale_settings.maximum_node_count == 7
    capsys.readouterr()
    assert main(["target"]) == 0
    assert ["cpu-cluster", "mapped", "7", "0", "target", "far"] in map(str.split, capsys.readouterr().out.splitlines())
    assert main(["target", "remove", "cpu-cluster"]) == 2
    assert "it stands for 'far'. To end that: trainshed target unmap cpu-cluster" in capsys.readouterr().err
    assert main(["target", "remove", "far"]) == 2
    assert "'cpu-cluster' stands for 'far'. Remove that first" in capsys.readouterr().err
    assert main(["target", "unmap", "cpu-cluster"]) == 0
    assert all(not path.startswith(far) for path in program(workspace, tmp_path / "project"))


@pytest.mark.usefixtures("far")
def test_names_that_cannot_stand_for_a_target(workspace: Workspace) -> None:
    ComputeTarget.map(workspace, "gpu", "far")
    for name, target, words in (
        ("local", "far", "'local' cannot stand for another target: it is one itself"),
        ("far", "local", "'far' cannot stand for another target: it is one itself"),
        ("gpu", "fra", r"there is no compute target 'fra'.*Did you mean 'far'"),
        ("gpu", "gpu", "'gpu' cannot stand for itself"),
        ("cpu", "gpu", "'gpu' itself stands for 'far'. Map 'cpu' to that"),
        ("cpu", "far:main", "target 'far' has no parts to choose from"),
    ):
        with pytest.raises(ComputeTargetException, match=words):
            ComputeTarget.map(workspace, name, target)
    with pytest.raises(UserErrorException, match="Invalid target name 'a b'"):
        ComputeTarget.map(workspace, "a b", "far")
    with pytest.raises(ComputeTargetException, match=r"'cpu' does not stand for another target\. Names that do: gpu\."):
        ComputeTarget.unmap(workspace, "cpu")
    config = RunConfiguration()
    config.target, config.node_count, config.framework = "gpu", 2, "Python"
    config.communicator = "OpenMpi"
    with pytest.raises(UserErrorException, match="The run requests 2 nodes, but 'far' is one node"):
        Experiment(workspace, "names").submit(ScriptRunConfig(".", command=["true"], run_config=config))
