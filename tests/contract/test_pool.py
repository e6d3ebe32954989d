"""A pool of hosts: real sshds on machines with names and a network of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import isolated
import pool_hosts
import pytest
import ssh_machine
from rigs import WAITS, Rig

from trainshed import ComputeTarget, SshCompute, Workspace
from trainshed.api.compute.remote import SshPool
from trainshed.errors import ComputeTargetException, UserErrorException

NAME = "import platform; print(platform.node())"


class PoolRig(Rig):
    """A service, and a pool of two hosts."""

    def __init__(self) -> None:
        super().__init__("local")
        self.pair = pool_hosts.HostPair(self.folder)
        self.environment = {"kind": "existing", "interpreter": isolated.PYTHON}
        self.target = "lab"
        self.ws = Workspace(path=str(self.root))
        self.attach()

    def attach(self, name: str = "lab", **settings: Any) -> SshPool:
        """Attach the pool."""
        config = {"config": str(self.pair.config), "slots": 2, **settings}
        made = SshCompute.attach(self.ws, name, ["h1", "h2"], **config)
        assert isinstance(made, SshPool)
        return made

    def go(self, name: str) -> None:
        """Let a script that waits go on, on whatever host."""
        for host in self.pair.hosts:
            (host.folder / name).touch()

    def quit(self) -> None:
        """Stop the service and the hosts."""
        for wires in self.pair.wires:
            wires.go()
        super().quit()
        self.pair.stop()


@pytest.fixture(scope="module")
def lab(_environment: None) -> Iterator[PoolRig]:
    """A pool of two hosts with two slots each."""
    if why_not := ssh_machine.why_not():
        pytest.skip(why_not)
    rig = PoolRig()
    yield rig
    rig.stop()


def test_runs_spread_over_the_hosts_by_free_slots(lab: PoolRig) -> None:
    script = WAITS + "import platform; print(platform.node(), flush=True); wait('spread')"
    runs = [lab.submit(script, arguments=["/mnt"]) for _ in range(5)]
    told = [lab.log_until(run_id, "\n").strip() for run_id in runs[:4]]
    assert sorted(told) == ["h1", "h1", "h2", "h2"]
    assert set(told[:2]) == {"h1", "h2"}  # each host gets one before one gets two
    assert lab.service.call("GET", f"/runs/{runs[4]}")["status"] == "Queued"
    state = lab.service.call("GET", "/targets/lab")
    assert (state["slots"], state["used"], state["error"]) == (4, 4, None)
    assert [(each["name"], each["used"], each["slots"]) for each in state["members"]] == [
        ("lab:h1", 2, 2), ("lab:h2", 2, 2),
    ]  # fmt: skip
    lab.go("spread")
    assert [lab.wait(run_id)["status"] for run_id in runs] == ["Completed"] * 5
    assert [lab.service.call("GET", f"/runs/{run_id}")["target"] for run_id in runs[:4]] == [f"lab:{on}" for on in told]
    assert [host.logins for host in lab.pair.hosts] == [1, 1]
    assert len(lab.service.call("GET", "/runs", query={"target": "lab"})["runs"]) == 5


def test_a_host_that_does_not_answer_gets_no_runs(lab: PoolRig) -> None:
    lab.pair.hosts[1].stop_sshd()
    script = WAITS + "import platform; print(platform.node(), flush=True); wait('back')"
    runs = [lab.submit(script, arguments=["/mnt"]) for _ in range(3)]
    assert [lab.log_until(run_id, "\n").strip() for run_id in runs[:2]] == ["h1", "h1"]
    while not (error := lab.service.call("GET", "/targets/lab")["error"]):
        pass
    assert error.startswith("Machine 'h2' cannot be reached")
    assert lab.service.call("GET", f"/runs/{runs[2]}")["status"] == "Queued"
    lab.pair.hosts[1].start_sshd()
    assert lab.log_until(runs[2], "\n").strip() == "h2"
    assert lab.service.call("GET", "/targets/lab")["error"] is None
    # A host can be named.
    last = lab.submit(NAME, target="lab:h2")
    lab.go("back")
    assert [lab.wait(run_id)["status"] for run_id in (*runs, last)] == ["Completed"] * 4
    assert lab.log(last) == "h2\n"


def test_a_later_service_finds_the_runs_of_all_hosts(lab: PoolRig) -> None:
    script = WAITS + "import platform; print(platform.node(), flush=True); wait('later')"
    runs = [lab.submit(script, arguments=["/mnt"]) for _ in range(5)]
    told = [lab.log_until(run_id, "\n").strip() for run_id in runs[:4]]
    lab.kill_service()
    lab.go("later")
    assert [lab.wait(run_id)["status"] for run_id in runs] == ["Completed"] * 5
    assert sorted(told) == ["h1", "h1", "h2", "h2"]


def test_what_cannot_be_a_pool(lab: PoolRig) -> None:
    attach = SshCompute.attach
    config = {"config": str(lab.pair.config)}
    with pytest.raises(UserErrorException, match="host 'h1' is named twice"):
        attach(lab.ws, "two", ["h1", "h1"], **config)
    with pytest.raises(UserErrorException, match=r"hosts is \[\]; give a list of hosts"):
        attach(lab.ws, "two", [], **config)
    with pytest.raises(ComputeTargetException, match="there is no host of that name"):
        attach(lab.ws, "two", ["h1", "nosuch.invalid"], **config)
    with pytest.raises(UserErrorException, match="no host of 'lab' has more than 2"):
        lab.submit(NAME, slots=3)
    with pytest.raises(ComputeTargetException, match=r"Pool 'lab' has no host 'h3'\. Available: h1, h2\."):
        lab.submit(NAME, target="lab:h3")
    assert "two" not in lab.ws.compute_targets
    pool = ComputeTarget(lab.ws, "lab")
    assert isinstance(pool, SshPool)
    assert (pool.hosts, pool.slots, pool.type, pool.is_attached) == (("h1", "h2"), 4, "pool", True)
    pool.slots = 3
    assert ComputeTarget(lab.ws, "lab").serialize()["slots"] == 6
    pool.slots = 2
