"""What we make is for its owner only, whatever the umask; a folder of somebody else is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from other_user import USER, interpreter, python

from trainshed import Estimator, Experiment, Workspace
from trainshed.client.stopping import stop

pytestmark = pytest.mark.own_folder
SCRIPT = """
import os
os.umask(mask := os.umask(0))
print(f"umask {mask:03o}")
os.makedirs("outputs/made")
open("outputs/made/file", "w").close()
"""


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def reachable(root: Path) -> set[str]:
    """Return what others could read or write below a folder: not what is in a folder that they cannot enter."""
    found = set()
    for path in root.iterdir():
        if path.is_symlink() or not stat.S_IMODE(path.stat().st_mode) & 0o077:
            continue
        found.add(path.name)
    return found


@pytest.mark.parametrize("umask", [0o000, 0o022], indirect=True)
def test_nothing_is_readable_by_others_whatever_the_umask(
    umask: int, home: Path, project: Path, this_python: str
) -> None:
    (project / "train.py").write_text(SCRIPT)
    (project / "deep").mkdir()
    (project / "deep" / "data").write_text("x")
    workspace = Workspace()
    try:
        estimator = Estimator(project, compute_target="local", entry_script="train.py", user_managed=True)
        estimator.run_config.environment.python.interpreter_path = this_python
        run = Experiment(workspace, "private").submit(estimator)
        run.wait_for_completion(raise_on_error=True)
        with Experiment(workspace, "private").start_logging(snapshot_directory=None) as logged:
            logged.log("a", 1)
        workspace.get_default_keyvault().set_secret("a", "b")
        root = workspace.path
        for folder in (home, home / "workspaces", root, root / "runs", root / "runs" / run.id, root / "snapshots"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        private = root / "runs" / run.id
        for folder in (root, root / "runs", *(root / "runs").iterdir(), root / "snapshots" / "packs", private / "code"):
            assert reachable(folder) <= {"train.py", "outputs"}, folder
        assert f"umask {umask:03o}" in b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
        made = private / "code" / "outputs" / "made" / "file"
        assert stat.S_IMODE(made.stat().st_mode) == 0o666 & ~umask
    finally:
        workspace.connection.close()
        stop(str(workspace.path))


OPEN = """
from trainshed import Workspace
try:
    Workspace().connection.call("GET", "/runs")
except Exception as error:
    print(error)
"""


def workspace_of(home: Path, executable: str = sys.executable, user: int | None = None, **variables: str) -> str:
    """Return what a program prints that opens the default workspace of a home."""
    environ = {"PATH": os.defpath, "TRAINSHED_HOME": str(home), "HOME": str(home.parent), **variables}
    groups: list[int] | None = None if user is None else []
    done = subprocess.run(
        [executable, "-c", OPEN],
        env=environ, user=user, group=user, extra_groups=groups,
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("which", ["", "workspaces/default"])
def test_a_folder_that_others_can_write_to_is_refused(home: Path, which: str) -> None:
    workspace = Workspace()
    workspace.connection.call("GET", "/runs")
    workspace.connection.close()
    stop(str(workspace.path))
    (home / which).chmod(0o770)
    path = os.path.normpath(home / which)
    log = f"The service could not start. The end of its log {home}/workspaces/default/service.log:\n"
    why = f"Other users can write to {path}, and so could change runs. Run: chmod o-w,g-w {path}\n"
    assert workspace_of(home) == ("" if which else log) + why
    (home / which).chmod(0o700)
    assert workspace_of(home) == ""
    stop(str(home / "workspaces" / "default"))


@pytest.fixture
def shared() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    if python() is None:
        pytest.skip("no Python that another user can start")
    with tempfile.TemporaryDirectory(prefix="owner-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_home_of_another_user_is_refused(shared: Path) -> None:
    executable = str(interpreter(shared))
    home = shared / "home"
    home.mkdir(mode=0o755)
    assert f"{home} belongs to another user, 'root', and you run as '{USER}'" in workspace_of(home, executable, USER)
    os.chown(home, USER, USER)
    said = workspace_of(home)
    assert f"{home} belongs to another user, '{USER}', and you run as 'root'. Set TRAINSHED_HOME" in said
    assert f"sudo chown -R root {home}" in said
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("exists", [True, False])
def test_root_by_sudo_is_told_to_leave_it(shared: Path, exists: bool) -> None:
    os.chown(shared, USER, USER)
    home = shared / "home"
    if exists:
        home.mkdir()
        os.chown(home, USER, USER)
    said = workspace_of(home, SUDO_UID=str(USER))
    assert "Run the command without sudo, or set TRAINSHED_HOME to a folder of " in said
    assert exists or not home.exists()
