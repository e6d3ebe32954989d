"""A service that a script's client has brought back is a service like any other, and no part of the run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from service_fixture import ServiceFixture

from trainshed.errors import UserErrorException

BRINGS_IT_BACK = """
import os, signal, sys, time
from trainshed import Run
service = Run.get_context().experiment.workspace.connection
pid = service.call("GET", "/service")["pid"]
gone = os.pidfd_open(pid)
os.kill(pid, signal.SIGKILL)
import select
select.select([gone], [], [])
os.environ["SET_BY_THE_SCRIPT"] = "1"
pid = service.call("GET", "/service")["pid"]
with open(sys.argv[2], "w") as told:
    told.write(str(pid))
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""
SHOWS = """
import os, sys, time
print([os.environ.get(name) for name in ("GIVEN", "SET_BY_THE_SCRIPT")], os.environ["PATH"])
print("up", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""


def test_it_goes_on_when_the_run_has_ended(fixture: ServiceFixture, tmp_path: Path) -> None:
    (fixture.root / "config.json").write_text('{"workspace_name": "test"}')
    os.mkfifo(tmp_path / "told")
    before = environment(fixture.service_pid())
    given = {"GIVEN": "1", "PATH": f"/nowhere:{os.environ['PATH']}"}
    arguments = [str(tmp_path / "first"), str(tmp_path / "told")]
    first = fixture.submit(BRINGS_IT_BACK, arguments=arguments, environment_variables=given)
    pid = int((tmp_path / "told").read_text())  # waits for the script; a call of ours would start the service, too
    assert environment(pid) == before
    assert os.getsid(pid) == pid
    second = fixture.submit(SHOWS, arguments=[str(tmp_path / "second")])
    fixture.log_until(second, "up")
    (tmp_path / "first").touch()
    assert fixture.wait(first)["status"] == "Completed"
    assert fixture.service_pid() == pid
    assert fixture.service.call("GET", f"/runs/{second}")["status"] == "Running"
    (tmp_path / "second").touch()
    assert fixture.wait(second)["status"] == "Completed"
    shown = fixture.log(second)
    assert shown.startswith("[None, None]"), shown
    assert "/nowhere" not in shown


def environment(pid: int) -> dict[str, str]:
    """Return the environment with which a process was started, without what finds its own code."""
    pairs = (pair.partition("=") for pair in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    return {name: value for name, _, value in pairs if name not in ("", "PYTHONPATH")}


@pytest.mark.parametrize("name", ["TRAINSHED_RUN_ID", "TRAINSHED_RUN_DIR", "TRAINSHED_SERVES", "TRAINSHED_TAGS"])
def test_what_tells_runs_apart_cannot_be_set(fixture: ServiceFixture, name: str) -> None:
    with pytest.raises(UserErrorException, match=f"{name} is among the environment variables.*Remove it"):
        fixture.submit("pass", environment_variables={name: "x"})


@pytest.mark.parametrize(
    "name",
    ["TRAINSHED_LEGACY", "TRAINSHED_SERVICE", "AZUREML_COMPUTE_USE_COMMON_RUNTIME", "AZUREML_RUN_TOKEN", "NCCL_DEBUG"],
)
def test_what_is_nobody_elses_can_be_set(fixture: ServiceFixture, name: str) -> None:
    run_id = fixture.submit(f"import os; print(os.environ[{name!r}])", environment_variables={name: "0"})
    assert fixture.wait(run_id)["status"] == "Completed"
    assert fixture.log(run_id) == "0\n"
