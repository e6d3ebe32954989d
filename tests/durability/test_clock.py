"""The clock of the machine jumps while runs run: nothing ends early, and nothing never."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from service_fixture import ServiceFixture, ended, gone

from trainshed.cli import show
from trainshed.client.embedded import connect, running
from trainshed.client.http import Connection
from trainshed.spec import layout

pytestmark = pytest.mark.timeout(120)  # what would never end, fails
TERMINAL = ("Completed", "Failed", "Canceled")
JUMPS = {"an hour ahead": 3600, "an hour back": -3600, "a year ahead": 31_536_000, "a year back": -31_536_000}
LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")
WAITS = """
import os, select, signal, sys
def told(*_):
    print("told", flush=True)
    while not os.path.exists(sys.argv[1]):
        select.select([], [], [], 0.02)
    print("clean", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, told)
print("up", flush=True)
while not os.path.exists(sys.argv[1]):
    select.select([], [], [], 0.02)
print("done")
"""
DEAF = """
import select, signal
signal.signal(signal.SIGTERM, lambda *_: print("told", flush=True))
print("up", flush=True)
while True:
    select.select([], [], [], 600)
"""


class Clocked(ServiceFixture):
    """A service whose clock, and that of what it starts, can be set."""

    def __init__(self, root: Path, projects: Path, clock: Path) -> None:
        self._clock = clock
        super().__init__(root, projects)

    def jump(self, seconds: int) -> None:
        """Set the clock."""
        made = self._clock.with_suffix(".new")
        made.write_text(f"{seconds:+d}\n")
        made.rename(self._clock)


@pytest.fixture(scope="module")
def library() -> str:
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern[1:])]
    if not found:
        pytest.skip("the clock cannot be moved: libfaketime (package faketime) is not installed")
    return str(found[0])


@pytest.fixture(scope="module", params=list(JUMPS.values()), ids=list(JUMPS))
def jump(request: pytest.FixtureRequest) -> int:
    return int(request.param)


Start = Callable[..., Clocked]


@contextlib.contextmanager
def starting(folder: Path, library: str) -> Iterator[Start]:
    """Give a function that starts the service of one workspace, with a clock to be set; stopped at the end."""
    root, clock, projects = folder / "home" / "workspaces" / "test", folder / "clock", folder / "projects"
    root.mkdir(parents=True, mode=0o700)
    projects.mkdir()
    clock.write_text("+0\n")
    services = []

    def started(**settings: str) -> Clocked:
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            **settings,
        }
        ready, tell = os.pipe()
        argv = [sys.executable, "-m", "trainshed.service.main", str(root), "--ready-fd", str(tell)]
        with open(root / "service.log", "ab") as log:
            services.append(subprocess.Popen(argv, env=environ, pass_fds=[tell], stdout=log, stderr=log, cwd=root))
        os.close(tell)
        with open(ready, "rb") as line:
            assert line.readline(), (root / "service.log").read_text()
        return Clocked(root, projects, clock)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_HOME", str(folder / "home"))
        yield started
        if (left := running(str(root))) is not None:
            end_all(left)
            left.call("POST", "/service/stop")
        for service in services:
            service.wait()


def end_all(service: Connection) -> None:
    for record in service.call("GET", "/runs", query={"limit": 1000})["runs"]:
        if record["status"] not in TERMINAL:
            service.call("POST", f"/runs/{record['id']}/cancel")
            service.call("GET", f"/runs/{record['id']}/wait", query={"timeout": 30})


@pytest.fixture(scope="module")
def started(jump: int, tmp_path_factory: pytest.TempPathFactory, library: str) -> Iterator[Clocked]:
    with starting(tmp_path_factory.mktemp("clock"), library) as start:
        yield start()


@pytest.fixture
def service(started: Clocked) -> Iterator[Clocked]:
    """A service that many tests use one after the other; each begins with the right time."""
    yield started
    started.jump(0)
    end_all(started.service)


@pytest.fixture
def start(tmp_path: Path, library: str) -> Iterator[Start]:
    """A function that starts a service of a test's own."""
    with starting(tmp_path, library) as start:
        yield start


def test_service_and_shim_see_the_jump(service: Clocked, jump: int) -> None:
    """Without this, the other tests would test nothing."""
    service.jump(jump)
    run_id = service.submit("import time; print(time.time())")
    record = service.wait(run_id)
    phases = (service.root / "runs" / run_id / layout.PHASES).read_text().splitlines()
    for seen in (record["created"], json.loads(phases[0])["time"], record["ended"], float(service.log(run_id))):
        assert abs(seen - time.time() - jump) < 300


def test_time_limit(service: Clocked, jump: int, tmp_path: Path) -> None:
    short = service.submit(WAITS, arguments=[str(tmp_path / "go")], max_run_duration_seconds=3, grace_seconds=0.2)
    long = service.submit(WAITS, arguments=[str(tmp_path / "go")], max_run_duration_seconds=1000)
    for run in (short, long):
        service.log_until(run, "up")
    service.jump(jump)
    record = service.wait(short)
    assert record["reason"] == "time_limit", (record, service.log(short))
    assert service.service.call("GET", f"/runs/{long}")["status"] == "Running"
    (tmp_path / "go").touch()
    assert service.wait(long)["status"] == "Completed"


def test_grace(service: Clocked, jump: int, tmp_path: Path) -> None:
    deaf = service.submit(DEAF, grace_seconds=1.0)
    tidy = service.submit(WAITS, arguments=[str(tmp_path / "go")], grace_seconds=1000.0)
    for run in (deaf, tidy):
        service.log_until(run, "up")
        service.service.call("POST", f"/runs/{run}/cancel")
        service.log_until(run, "told")
    service.jump(jump)
    assert service.wait(deaf)["status"] == "Canceled"
    (tmp_path / "go").touch()
    assert service.wait(tidy)["status"] == "Canceled"
    assert service.log(tidy).endswith("told\nclean\n")


@pytest.mark.parametrize(("patience", "leaves"), [("1.5", True), ("1000", False)])
def test_idle_exit(start: Start, jump: int, patience: str, leaves: bool) -> None:
    service = start(TRAINSHED_IDLE_SECONDS=patience)
    pid = os.pidfd_open(service.service_pid())
    service.jump(jump)
    if leaves:
        gone(pid)
    else:
        assert not ended(pid, within=2)
        os.close(pid)


def test_waiting_clients(service: Clocked, jump: int, tmp_path: Path) -> None:
    run_id = service.submit(WAITS, arguments=[str(tmp_path / "go")])
    service.log_until(run_id, "up")

    def wait(seconds: int) -> str:
        client = connect(str(service.root))
        return str(client.call("GET", f"/runs/{run_id}/wait", query={"timeout": seconds})["status"])

    with ThreadPoolExecutor() as pool:
        long, short = pool.submit(wait, 1000), pool.submit(wait, 2)
        log = pool.submit(service.log_until, run_id, "done")
        service.jump(jump)
        assert short.result() == "Running"
        service.wait(service.submit("pass"))
        assert (long.done(), log.done()) == (False, False)
        (tmp_path / "go").touch()
        assert long.result() == "Completed"
        assert log.result() == "up\ndone\n"


def test_connections_stay_open(service: Clocked, jump: int) -> None:
    service.service_pid()
    endpoint = json.loads((service.root / "service.json").read_text())
    connection = http.client.HTTPConnection("127.0.0.1", endpoint["port"])
    headers = {"Authorization": f"Bearer {endpoint['token']}"}
    sockets = set()
    for seconds in (0, jump):
        service.jump(seconds)
        connection.request("GET", "/api/v1/service", headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        sockets.add(connection.sock)
    assert len(sockets) == 1
    connection.close()


def test_order_and_durations(service: Clocked, jump: int, tmp_path: Path) -> None:
    service.service.call("PUT", "/targets/local", {"slots": 1})
    first = service.submit(WAITS, arguments=[str(tmp_path / "go")])
    service.log_until(first, "up")
    second = service.submit("pass")
    service.jump(jump)
    third = service.submit("pass")
    (tmp_path / "go").touch()
    records = [service.wait(run) for run in (first, second, third)]
    service.service.call("PUT", "/targets/local", {"slots": 2})
    newest = service.service.call("GET", "/runs", query={"limit": 3})["runs"]
    assert [run["id"] for run in newest] == [third, second, first]
    assert records[1]["started"] <= records[2]["started"]
    path = ["NotStarted", "Queued", "Preparing", "Running", "Finalizing", "Completed"]
    for record in records:
        events = service.service.call("GET", f"/runs/{record['id']}/events")["events"]
        assert [event["status"] for event in events] == path
        assert "-" not in show.duration(record["started"], record["ended"])


def test_a_service_that_comes_back(start: Start, jump: int, tmp_path: Path) -> None:
    service = start()
    run_id = service.submit(WAITS, arguments=[str(tmp_path / "go")])
    service.log_until(run_id, "up")
    service.kill_service()
    service.jump(jump)
    again = start()
    assert again.service.call("GET", f"/runs/{run_id}")["status"] == "Running"
    (tmp_path / "go").touch()
    assert again.wait(run_id)["status"] == "Completed"
