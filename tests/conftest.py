"""What all tests share: a home of their own, and a workspace with its service, gone when the test is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # the tests of what is copied to nodes run under Python 3.8, where there is no client
    from slurm_cluster import SlurmCluster

    from trainshed import Workspace

    OpenWorkspace = Callable[[pytest.MonkeyPatch], AbstractContextManager[Workspace]]

BROKER = "TRAINSHED_TEST_BROKER"
SERVED_BY = "TRAINSHED_TEST_SERVED_BY"
OF_THE_SERVICE = (
    "TRAINSHED_FAKE_GPUS",
    "TRAINSHED_CONTAINER_ENGINE",
    "TRAINSHED_PYTHON_DOWNLOADS",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "REGISTRY_AUTH_FILE",
)
"""Settings of a test that are its service's, which in the second pass somebody else starts."""
LONG = (
    *("test_interpreters.py", "test_door_integration.py", "test_door.py", "test_containers.py", "test_old_scripts.py"),
    *("test_toy_engine.py", "test_power_loss.py", "test_clock.py", "test_distributed.py", "test_frameworks.py"),
    *("test_tensorflow.py", "test_notebook.py", "test_removal_faults.py", "test_random_kills.py", "test_mlflow.py"),
)
"""Modules that take longest, the longest first: begun last, they would keep one worker after the others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_uv_cache: Path) -> Path:
    """Point everything at a home below ``tmp_path``; nothing of the user's is touched."""
    return set_home(tmp_path / "home", monkeypatch, shared_uv_cache)


def set_home(home: Path, patch: pytest.MonkeyPatch, shared_uv_cache: Path) -> Path:
    patch.setenv("TRAINSHED_HOME", str(home))
    patch.setenv("TRAINSHED_IDLE_SECONDS", "120")
    patch.setenv("UV_CACHE_DIR", str(shared_uv_cache))
    for name in ("TRAINSHED_WORKSPACE", "TRAINSHED_CONDA", "TRAINSHED_PYTHON"):
        patch.delenv(name, raising=False)
    return home


@pytest.fixture(scope="session")
def shared_uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of downloads for all tests of all workers, unless the machine has one."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    return Path(os.environ.get("UV_CACHE_DIR") or shared / "uv-cache")


@pytest.fixture(scope="session")
def close_workspace() -> Callable[[Workspace], None]:
    """A function that ends all runs of a workspace and its service."""

    def close(made: Workspace) -> None:
        from trainshed.api.runs import interactive
        from trainshed.client.stopping import stop

        for run in list(interactive._open.values()):
            if getattr(run.experiment.workspace, "path", None) == made.path:
                interactive.ended(run.id)  # else leaving pytest would start the service again to end them
        for run in made.connection.call("GET", "/runs", query={"limit": 1000})["runs"]:
            if run["status"] not in ("Completed", "Failed", "Canceled"):
                made.connection.call("POST", f"/runs/{run['id']}/cancel")
                made.connection.call("GET", f"/runs/{run['id']}/wait", query={"timeout": 60})
        made.connection.close()
        stop(str(made.path))

    return close


@pytest.fixture(scope="session")
def open_workspace(close_workspace: Callable[[Workspace], None]) -> OpenWorkspace:
    """A context manager that yields the default workspace, and stops its service afterwards.

    In the second pass, as another user (tests/door), it is one of which only its service's address is known.
    """

    @contextlib.contextmanager
    def opened(patch: pytest.MonkeyPatch) -> Iterator[Workspace]:
        from trainshed import Workspace

        if BROKER not in os.environ:
            made = Workspace()
            yield made
            close_workspace(made)
            return
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(os.environ[BROKER])
            settings = {name: os.environ[name] for name in OF_THE_SERVICE if name in os.environ}
            line.sendall(json.dumps(settings).encode() + b"\n")
            for name, value in json.loads(line.makefile().readline()).items():
                patch.setenv(name, value)
            given = Workspace.from_config()
            yield given
            given.connection.close()

    return opened


@pytest.fixture
def workspace(home: Path, monkeypatch: pytest.MonkeyPatch, open_workspace: OpenWorkspace) -> Iterator[Workspace]:
    """The default workspace of a new home; its service is stopped afterwards."""
    with open_workspace(monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def shared_workspace(
    tmp_path_factory: pytest.TempPathFactory, shared_uv_cache: Path, open_workspace: OpenWorkspace
) -> Iterator[Workspace]:
    """As ``workspace``, for all tests of a module: each should have an experiment of its own."""
    with pytest.MonkeyPatch.context() as patch:
        set_home(tmp_path_factory.mktemp("shared") / "home", patch, shared_uv_cache)
        with open_workspace(patch) as made:
            yield made


@pytest.fixture
def served_by(workspace: Workspace) -> int:
    """The user who runs the service and so the scripts: this one, but for the second pass."""
    return int(os.environ.get(SERVED_BY) or os.getuid())


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[SlurmCluster]:
    """A Slurm cluster of two nodes, for all tests that leave it as it was; skips tests where there can be none."""
    import slurm_cluster

    if why_not := slurm_cluster.why_not():
        pytest.skip(why_not)
    made = slurm_cluster.SlurmCluster(gpus=2)
    yield made
    made.close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path is short enough for those of sockets in it."""
    with tempfile.TemporaryDirectory(prefix="t-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A source folder with nothing in it yet."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def this_python() -> str:
    """The Python that runs the tests, for runs that need no environment of their own."""
    return sys.executable


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium: one for all tests of a process."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driven = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if chromium is None or driven is None:
        pytest.skip("no Chromium with chromedriver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1440,900"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driven))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures of pages are kept, for people to look at."""
    folder = Path(__file__).parents[1] / "build" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
