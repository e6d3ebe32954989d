"""What a machine is: the same verbs, the same answers, on this computer and on one behind a connection."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import isolated
import pytest
import ssh_machine
from ssh_machine import SshMachine

from trainshed.errors import MachineUnreachableException, ServiceException
from trainshed.machines.agent import Agent
from trainshed.machines.connection import AgentConnection, Reach
from trainshed.machines.kit import make
from trainshed.machines.machine import ABSENT, ALIVE, ENDED, Machine
from trainshed.machines.remote import RemoteMachine
from trainshed.machines.ssh import Ssh
from trainshed.machines.ways import Command, Way
from trainshed.service.script_tree import assemble

WHY_NOT = isolated.why_not()
SPEC = {
    "experiment": "e",
    "command": ["sh", "-c", "echo said; echo x > outputs/x"],
    "environment": {"kind": "existing"},
}


class Rig:
    """A machine, and the ends that it has told of."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.ended: set[str] = set()
        self._change = threading.Condition()
        self.far: isolated.IsolatedMachine | None = None
        runtime = assemble(folder / "runtime")
        if kind == "local":
            self.machine: Machine = Agent(
                str(folder), {"home": str(folder), "runtime": str(runtime), "sites": []}, self._end
            )
        else:
            way: Way
            if kind == "ssh":
                self.far = host = SshMachine(folder / "far")
                way = Ssh("box", config=str(host.client / "config"))
            else:
                self.far = isolated.IsolatedMachine(folder / "far")
                way = Command("far", tuple(self.far.connect()))
            reach = Reach(way, "test", ("127.0.0.1", 9), 30)
            self.machine = RemoteMachine(reach, lambda: make(runtime), self._end)

    def _end(self, run_id: str) -> None:
        with self._change:
            self.ended.add(run_id)
            self._change.notify_all()

    def wait(self, run_id: str) -> None:
        with self._change:
            assert self._change.wait_for(lambda: run_id in self.ended, 60)

    def prepare(self, run_id: str, **spec: Any) -> str:
        interpreter = isolated.PYTHON if self.far else "python3"
        environment = {"kind": "existing", "interpreter": interpreter}
        record = {
            "version": 1,
            "run_id": run_id,
            "attempt": 1,
            "spec": {**SPEC, "environment": environment, **spec},
            "node_context": {"datastores": {}, "environment_variables": {}},
        }
        return self.machine.prepare(run_id, record, {"own.secret": "s"})


@pytest.fixture(scope="module", params=["local", "isolated", "ssh"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    why_not = {"local": "", "ssh": ssh_machine.why_not()}.get(request.param, WHY_NOT)
    if why_not:
        pytest.skip(why_not)
    folder = Path(tempfile.mkdtemp(prefix="trainshed-"))
    made = Rig(request.param, folder)
    yield made
    made.machine.close()
    if made.far is not None:
        made.far.stop()
    shutil.rmtree(folder)


def test_it_says_what_it_has(rig: Rig) -> None:
    facts = rig.machine.facts()
    assert facts["cores"] >= 1
    assert len(facts["boot"]) == 36
    assert isinstance(facts["gpus"], list)
    if rig.far is not None:
        assert facts["host"] == "isolated"
        assert facts["home"] == "/mnt/home/.trainshed"
        assert facts["boot"] == (rig.far.folder / "boot").read_text().strip()


def test_it_runs_commands(rig: Rig) -> None:
    done = rig.machine.run(["sh", "-c", "cat; echo error >&2; exit 3"], stdin="told")
    assert tuple(done) == (3, "told", "error\n")
    with pytest.raises(ServiceException, match="'nothing-like-it' cannot be run on"):
        rig.machine.run(["nothing-like-it"])
    with pytest.raises(ServiceException, match="did not end within"):
        rig.machine.run(["sleep", "60"], seconds=0.2)


def test_a_question_about_all_runs_is_one_round_trip(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    if rig.far is None:
        pytest.skip("nothing lies between this machine and its agent")
    sent: list[str] = []
    really = AgentConnection.send

    def send(connection: AgentConnection, verb: str, args: dict[str, Any], body: bytes = b"") -> Any:
        sent.append(verb)
        return really(connection, verb, args, body)

    monkeypatch.setattr(AgentConnection, "send", send)
    names = [f"run_{number}" for number in range(1000)]
    seen = rig.machine.look(names)
    assert rig.machine.appended({name: {"journal": 0} for name in names}) == {}
    assert ([seen[name].state for name in names], sent) == ([ABSENT] * 1000, ["look", "appended"])


def test_a_run_from_its_preparation_to_its_removal(rig: Rig) -> None:
    assert rig.machine.look(["life"])["life"].state == ABSENT
    native_id = rig.prepare("life")
    assert native_id == rig.prepare("life"), "asked again, it is the same shim"
    assert rig.machine.look(["life"])["life"].state == ABSENT
    assert rig.machine.start("life", native_id)
    rig.wait("life")
    seen = rig.machine.look(["life", "other"])
    assert (seen["life"].state, seen["other"].state) == (ENDED, ABSENT)
    assert seen["life"].exit["outcome"] == "completed"
    assert not rig.machine.start("life", native_id), "it has been started"
    files = {each.path: each for each in rig.machine.files("life", digests=True)}
    assert files["code/outputs/x"].sha256 == hashlib.sha256(b"x\n").hexdigest()
    assert files["azureml-logs/70_driver_log.txt"].inode == files["user_logs/std_log.txt"].inode
    assert not {"own.secret", "spec.json", "shim.json"} & files.keys()
    wanted = [
        ("code/outputs/x", 0, 10),
        ("azureml-logs/70_driver_log.txt", 2, 2),
        ("not/there", 0, 5),
        ("exit.json", 0, 1),
    ]
    assert rig.machine.read("life", wanted) == [b"x\n", b"id", b"", b"{"]
    new = rig.machine.appended({"life": {"azureml-logs/70_driver_log.txt": 3}, "other": {}})
    assert new["life"]["azureml-logs/70_driver_log.txt"] == b"d\n"
    assert not new.get("other")
    rig.machine.remove("life")
    assert rig.machine.files("life") == []
    assert rig.machine.look(["life"])["life"].state == ABSENT
    rig.machine.remove("life")


def test_two_starts_are_one(rig: Rig) -> None:
    first = rig.prepare("twice", command=["sh", "-c", "echo started"])
    assert rig.machine.start("twice", first)
    second = rig.prepare("twice", command=["sh", "-c", "echo started"])
    rig.machine.start("twice", second)
    rig.wait("twice")
    assert rig.machine.read("twice", [("azureml-logs/70_driver_log.txt", 0, 100)]) == [b"started\n"]


def test_an_end_that_was_asked_for(rig: Rig) -> None:
    rig.machine.end(["no-such-run"])
    assert rig.machine.start("ended", rig.prepare("ended", command=["sleep", "600"], grace_seconds=1))
    while "phases.jsonl" not in rig.machine.appended({"ended": {}}).get("ended", {}):
        pass
    assert rig.machine.look(["ended"])["ended"].state == ALIVE
    rig.machine.end(["ended"])
    rig.machine.end(["ended"])
    rig.wait("ended")
    assert rig.machine.look(["ended"])["ended"].exit["outcome"] == "canceled"


def test_an_end_before_the_start(rig: Rig) -> None:
    native_id = rig.prepare("never")
    rig.machine.end(["never"])
    assert not rig.machine.start("never", native_id)
    assert rig.machine.look(["never"])["never"].state == ABSENT


def test_contents_are_kept_once_and_only_if_they_are_what_they_say(rig: Rig) -> None:
    large = os.urandom(9 << 20)
    some = {hashlib.sha256(data).hexdigest(): data for data in (b"", b"small", large)}
    assert sorted(rig.machine.missing(list(some))) == sorted(some)
    content = [
        (sha, len(data), lambda data=data: [data[i : i + (1 << 20)] for i in range(0, len(data), 1 << 20)])
        for sha, data in some.items()
    ]
    threads = [threading.Thread(target=rig.machine.put, args=(content,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rig.machine.missing(list(some)) == []
    wrong = "0" * 64
    with pytest.raises(MachineUnreachableException, match="damaged"):
        rig.machine.put([(wrong, 1, lambda: [b"1"])])
    assert rig.machine.missing([wrong]) == [wrong]


def test_a_content_becomes_a_program(rig: Rig) -> None:
    program = b"#!/bin/sh\necho I am installed\n"
    sha = hashlib.sha256(program).hexdigest()
    rig.machine.put([(sha, len(program), lambda: [program])])
    rig.machine.install("saying", sha)
    path = f"{rig.machine.facts()['home']}/tools/saying"
    assert rig.machine.run([path]).out == "I am installed\n"


@pytest.mark.parametrize("run_id", ["", "..", "a/b", ".hidden"])
def test_no_run_leads_out_of_its_folder(rig: Rig, run_id: str) -> None:
    with pytest.raises(ServiceException, match="cannot be the id of a run"):
        rig.machine.look([run_id])
    with pytest.raises(ServiceException, match="cannot be the id of a run"):
        rig.machine.remove(run_id)
