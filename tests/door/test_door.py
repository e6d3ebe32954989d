"""Everything once more through the service's door: another user, who has its address and a token and no folder of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from other_user import ROOT, USER, Broker, environment, interpreter, python, service

from trainshed import Workspace

PROGRAMS = ROOT / "tests" / "acceptance" / "v1" / "programs"
OF_THIS_MACHINE = {"workspaces"}
"""Programs that make workspaces, which only whoever runs the service can."""
V1 = sorted(path.name for path in PROGRAMS.iterdir() if path.name not in OF_THIS_MACHINE)
INTEGRATION = [
    "test_api.py",
    "test_cli.py",
    "test_distributed.py",
    "test_docstrings.py",
    "test_environments.py",
    "test_environments_indexes.py",
    "test_gpus.py",
    "test_hyperdrive.py",
    "test_interactive.py",
    "test_keeping.py",
    "test_legacy_runs.py",
    "test_notebook.py",
    "test_page.py",
    "test_removal.py",
    "test_tensorboard.py",
    "test_v1_refusals.py",
]
"""All but what is about the folder or the process itself (migration, releases, remote); tests of these are marked in them.

The environments' own tests have no workspace: they build as the other user.
"""


@pytest.fixture(autouse=True)
def downloads(shared_uv_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the services have one cache of packages."""
    monkeypatch.setenv("UV_CACHE_DIR", str(shared_uv_cache))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the other user's."""
    if os.getuid() != 0:
        pytest.skip("only root can run a program as another user")
    if python() is None:
        pytest.skip("no Python of this version that another user can start")
    with tempfile.TemporaryDirectory(prefix="other-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, USER, USER)
        Path(folder).chmod(0o755)
        interpreter(Path(folder))
        yield Path(folder)


def ran(place: Path, cwd: Path, argv: list[str], more: Mapping[str, str]) -> str:
    """Run a Python program as the other user and return what it printed."""
    executable = place / "venv" / "bin" / "python"
    for path in [cwd, *cwd.rglob("*")]:
        os.chown(path, USER, USER, follow_symlinks=False)
    done = subprocess.run(
        [str(executable), *argv], cwd=cwd, env=environment(place, executable, more), user=USER, group=USER, extra_groups=[], umask=0o077,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


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


LONG = {"test_distributed.py": "not torch_trains"}
"""What of a file is run where all of it takes minutes, and its long tests do at the client what the others do."""


@pytest.mark.parametrize("name", INTEGRATION)
def test_integration(name: str, place: Path) -> None:
    (place / "tmp").mkdir()
    broker = Broker(place / "broker")
    argv = ["-m", "pytest", str(ROOT / "tests" / "integration" / name), "-q", "-p", "no:cacheprovider"]
    argv += ["-m", "not own_folder", "-k", LONG.get(name, ""), "--basetemp", str(place / "tmp" / "t")]
    try:
        ran(place, place, argv, {"TRAINSHED_TEST_BROKER": str(place / "broker")})
    finally:
        broker.close()
