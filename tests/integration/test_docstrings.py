"""Every example of a docstring runs, in a new home, with the names that its reader would have."""

from __future__ import annotations

import doctest
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import trainshed
from trainshed.api import hyperdrive

TRAIN = """
from azureml.core import Run

Run.get_context().log("accuracy", 0.9)
with open("outputs/model.pkl", "w") as file:
    file.write("a model")
"""


def modules() -> Iterator[Any]:
    """Yield every module of ours but those that only a run has, or an environment with a framework."""
    yield trainshed
    for found in pkgutil.walk_packages(trainshed.__path__, "trainshed."):
        if not found.name.startswith(("trainshed.runtime.azureml", "trainshed.integrations.")):
            yield importlib.import_module(found.name)


@functools.cache
def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    # To look through a module is slow, which every process pays that collects the tests.
    told = [module for module in modules() if ">>>" in inspect.getsource(module)]
    return [test for module in told for test in finder.find(module) if test.examples]


class Readers:
    """What the reader of an example has: a folder with a script, data and requirements, and what they named before."""

    def __init__(self, folder: Path, workspace: Any) -> None:
        self.folder = folder
        self._made: dict[str, Any] = {"ws": workspace}
        (folder / "src").mkdir()
        (folder / "src" / "train.py").write_text(TRAIN)
        (folder / "data").mkdir()
        (folder / "data" / "2026.csv").write_text("day,rain\n1,0.5\n2,0.0\n")
        (folder / "environment.yml").write_text("dependencies: [scikit-learn, {pip: [numpy]}]\n")
        (folder / "requirements.txt").write_text("numpy\n")
        (folder / "rainfall.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    def __contains__(self, name: str) -> bool:
        return name in self._made or name in self._makers()

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers()[name]()
        return self._made[name]

    def _makers(self) -> dict[str, Callable[[], Any]]:
        return {
            "address": lambda: self["access"]["address"],
            "token": lambda: self["access"]["token"],
            "access": lambda: self["ws"].connection.call("POST", "/service/access"),
            "experiment": lambda: trainshed.Experiment(self["ws"], "examples"),
            "estimator": self._estimator,
            "run": self._run,
            "ds": self._datastore,
            "datastore": lambda: self["ds"],
            "dataset": lambda: trainshed.Dataset.File.from_files((self["ds"], "weather/*.csv")),
            "table": lambda: trainshed.Dataset.Tabular.from_delimited_files((self["ds"], "weather/*.csv")),
            "model": lambda: self["run"].register_model("ridge", "outputs/model.pkl"),
        }

    def _estimator(self) -> Any:
        return trainshed.Estimator(str(self.folder / "src"), compute_target="local", entry_script="train.py")

    def _datastore(self) -> Any:
        found = self["ws"].get_default_datastore()
        found.upload(str(self.folder / "data"), target_path="weather", show_progress=False)
        return found

    def _run(self) -> Any:
        run = self["experiment"].submit(self["estimator"])
        run.wait_for_completion()
        return run


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory,
    shared_uv_cache: Path,
    open_workspace: Callable[[pytest.MonkeyPatch], AbstractContextManager[Any]],
) -> Iterator[Readers]:
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_HOME", str(folder / "home"))
        patch.setenv("UV_CACHE_DIR", str(shared_uv_cache))
        patch.delenv("TRAINSHED_WORKSPACE", raising=False)
        patch.chdir(folder)
        with open_workspace(patch) as workspace:
            yield Readers(folder, workspace)


def source(test: doctest.DocTest) -> str:
    return "".join(example.source for example in test.examples)


def words(test: doctest.DocTest) -> set[str]:
    """Return the names that an example looks up."""
    code = compile(source(test), test.name, "exec")
    return set(code.co_names)


def parameters() -> Iterator[Any]:
    for test in examples():
        # Only whoever runs the service makes workspaces.
        yield pytest.param(
            test, id=test.name, marks=pytest.mark.own_folder if "Workspace.create(" in source(test) else ()
        )


@pytest.mark.parametrize("example", list(parameters()))
def test_an_example_does_what_it_says(example: doctest.DocTest, reader: Readers) -> None:
    public = {name: getattr(trainshed, name) for name in trainshed.__all__ if not name.startswith("_")}
    sweeps = {name: getattr(hyperdrive, name) for name in hyperdrive.__all__}
    given = {name: reader[name] for name in words(example) if name in reader}
    example.globs = {**public, **sweeps, **example.globs, **given}
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert result.failed == 0, "".join(said)


def test_no_example_is_left_out() -> None:
    skipped = [test.name for test in examples() for one in test.examples if one.options.get(doctest.SKIP)]
    assert skipped == []
    assert len(examples()) >= 190
