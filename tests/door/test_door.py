"""Everything once more through the service's door: another user, who has its address and a token and no folder of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from other_user import ROOT, ran, service

from trainshed import Workspace

PROGRAMS = ROOT / "tests" / "acceptance" / "v1" / "programs"
OF_THIS_MACHINE = {"workspaces"}
"""Programs that make workspaces, which only whoever runs the service can."""
V1 = sorted(path.name for path in PROGRAMS.iterdir() if path.name not in OF_THIS_MACHINE)


def test_the_folder_cannot_be_read(place: Path) -> None:
    with service() as variables:
        there = Workspace.from_service(
            variables["TRAINSHED_SERVICE"], Path(variables["TRAINSHED_TOKEN_FILE"]).read_text()
        )
        root = there.connection.call("GET", "/service")["workspace"]
        there.connection.close()
        code = f"import os\ntry: os.listdir({root!r})\nexcept PermissionError: print('closed')"
        assert ran(place, place, ["-c", code], variables) == "closed\n"


@pytest.mark.parametrize("name", V1)
def test_program(name: str, place: Path) -> None:
    shutil.copytree(PROGRAMS / name, place / name)
    with service() as variables:
        said = ran(place, place / name, ["program.py"], variables)
    assert said.splitlines()[-1] == f"{name}: all cells ran", said


@pytest.mark.parametrize("example", ["sklearn_estimator", "mpi_estimator"])
def test_example(example: str, place: Path) -> None:
    shutil.copytree(ROOT / "examples" / example, place / example)
    with service() as variables:
        said = ran(place, place / example, ["run_azureml.py"], variables)
    assert "Completed" in said.splitlines()
