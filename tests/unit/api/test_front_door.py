from __future__ import annotations

import subprocess
import sys

import pytest

import trainshed


def test_every_name_can_be_imported() -> None:
    for name in trainshed.__all__:
        assert getattr(trainshed, name) is not None
    assert set(trainshed.__all__) <= set(dir(trainshed))
    assert sorted(trainshed.__all__) == trainshed.__all__
    assert set(trainshed._HOME) | {"__version__"} == set(trainshed.__all__)


def test_a_name_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Estimater'. Did you mean 'Estimator'\?"):
        _ = trainshed.Estimater  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import trainshed", {"json", "typing", "re", "dataclasses", "pathlib"}),
        (
            "from trainshed import Workspace, Experiment, Estimator, ScriptRunConfig, Datastore, ComputeTarget",
            {"logging", "http.client", "ssl", "email", "urllib.request", "yaml", "uuid", "tempfile", "subprocess",
             "asyncio", "hashlib", "argparse", "difflib", "starlette", "uvicorn"},
        ),
        ("import trainshed.cli.parser, trainshed.cli.runs, trainshed.cli.files", {"logging", "http.client", "yaml", "uvicorn"}),
    ],
)  # fmt: skip
def test_importing_stays_light(statement: str, absent: set[str]) -> None:
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not absent & set(done.stdout.split())
