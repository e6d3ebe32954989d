"""Datasets at web addresses, as v1's programs use them: created, read, registered, given to scripts."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import WebServer, web_server

from trainshed import Dataset, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.cli.main import main
from trainshed.errors import ActivityFailedException, NotFoundException, UserErrorException

NAMES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        made.files.update({f"/mnist/{name}": name.encode() for name in NAMES})
        made.files["/titanic.csv"] = b"PassengerId,Age\n1,22\n2,38\n"
        yield made


@pytest.fixture
def config(this_python: str) -> RunConfiguration:
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    return config


@pytest.mark.own_folder
def test_files(
    workspace: Workspace, project: Path, server: WebServer, config: RunConfiguration, tmp_path: Path, home: Path
) -> None:
    web_paths = [server.url(f"/mnist/{name}") for name in NAMES]
    dataset = Dataset.File.from_files(path=web_paths)
    assert [path.rpartition("/")[2] for path in dataset.to_path()] == list(NAMES)
    assert [status for _, _, status in server.requests] == [200, 200], "they exist"
    dataset = dataset.register(workspace, "mnist", create_new_version=True)
    paths = Dataset.get_by_name(workspace, "mnist").download(str(tmp_path / "data"), overwrite=True)
    assert sorted(glob.glob(str(tmp_path / "data" / "**" / "*-ubyte.gz"), recursive=True)) == sorted(paths)
    assert [Path(path).read_text() for path in paths] == list(NAMES)
    with dataset.mount() as mounted:
        (labels,) = glob.glob(os.path.join(mounted.mount_point, "**/train-labels-idx1-ubyte.gz"), recursive=True)
        assert Path(labels).read_text() == NAMES[1]
    (project / "train.py").write_text(
        "import glob, os, sys\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "(images,) = glob.glob(os.path.join(sys.argv[1], '**/train-images-idx3-ubyte.gz'), recursive=True)\n"
        "run.log('images', open(images).read())\nrun.log('one', open(sys.argv[2]).read())\n"
    )
    one = Dataset.File.from_files(web_paths[1])
    arguments = [dataset.as_named_input("mnist").as_mount(), one.as_download()]
    run = Experiment(workspace, "web").submit(ScriptRunConfig(str(project), "train.py", arguments, config))
    run.wait_for_completion()
    assert run.get_metrics() == {"images": NAMES[0], "one": NAMES[1]}
    assert sum(status == 200 for _, _, status in server.requests) == 2 + 2, "checked, and downloaded once"
    kept = list((home / "web").rglob("*.gz"))
    assert sorted(path.name for path in kept) == list(NAMES)
    assert main(["gc"]) == 0
    assert all(path.exists() for path in kept)
    assert main(["gc", "--unused-for", "0m"]) == 0
    assert list((home / "web").rglob("*")) == []


def test_a_table(workspace: Workspace, project: Path, server: WebServer, config: RunConfiguration) -> None:
    pytest.importorskip("pandas")
    titanic = Dataset.Tabular.from_delimited_files(path=server.url("/titanic.csv"))
    assert titanic.take(1).to_pandas_dataframe()["Age"].tolist() == [22]
    (project / "train.py").write_text(
        "from azureml.core import Run\nrun = Run.get_context()\n"
        "run.log('mean', run.input_datasets['titanic'].to_pandas_dataframe()['Age'].mean())\n"
    )
    source = ScriptRunConfig(str(project), "train.py", [titanic.as_named_input("titanic")], config)
    run = Experiment(workspace, "web").submit(source)
    run.wait_for_completion()
    assert run.get_metrics() == {"mean": 30}
    server.files["/titanic.csv"] += b"3,30\n"
    assert len(titanic.to_pandas_dataframe()) == 3


def test_the_log_of_a_run_tells_of_downloads(
    workspace: Workspace, project: Path, server: WebServer, config: RunConfiguration, tmp_path: Path
) -> None:
    (project / "train.py").write_text("")
    files = Dataset.File.from_files(server.url("/titanic.csv?key=secret"))
    source = ScriptRunConfig(str(project), "train.py", [files.as_mount()], config)
    run = Experiment(workspace, "web").submit(source)
    run.wait_for_completion()
    run.download_file("azureml-logs/20_image_build_log.txt", str(tmp_path / "log.txt"))
    assert (tmp_path / "log.txt").read_text() == f"Downloading {server.url('/titanic.csv')} (26 bytes)\n"


def test_what_is_not_there_is_said_before_and_in_the_run(
    workspace: Workspace, project: Path, server: WebServer, config: RunConfiguration
) -> None:
    (project / "train.py").write_text("")
    address = server.url("/nope.csv")
    with pytest.raises(NotFoundException, match=r"There is no file at http:.*/nope.csv \(404 Not Found\)"):
        Dataset.Tabular.from_delimited_files(address)
    with pytest.raises(UserErrorException, match="only http:// and https:// addresses can"):
        Dataset.File.from_files(["s3://bucket/a.csv"])
    files = Dataset.File.from_files(address, validate=False)
    run = Experiment(workspace, "web").submit(ScriptRunConfig(str(project), "train.py", [files.as_mount()], config))
    with pytest.raises(ActivityFailedException, match="could not be made available: There is no file at http"):
        run.wait_for_completion()
