"""Hosts over OpenSSH: who gets in is its affair, one login is enough for all, and what goes wrong is told and mended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs import FOREVER, WAITS, Make, Rig, made_rig
from service_fixture import gone
from ssh_machine import SshMachine

from trainshed import AmlCompute, ComputeTarget, RemoteCompute, SshCompute, Workspace
from trainshed.api.compute.remote import check
from trainshed.errors import ComputeTargetException, UserErrorException


@pytest.fixture(scope="module")
def box(_environment: None) -> Iterator[Rig]:
    """A host and its service, for tests that leave both as they were."""
    rig = made_rig("ssh")
    yield rig
    rig.stop()


@pytest.fixture
def ws(box: Rig) -> Workspace:
    """The workspace of that service."""
    return Workspace(path=str(box.root))


def far(rig: Rig) -> SshMachine:
    """Return the machine of a rig."""
    assert isinstance(rig.far, SshMachine)
    return rig.far


def attach(ws: Workspace, rig: Rig, **settings: Any) -> ComputeTarget:
    """Attach the host under a further name, by a connection of its own."""
    config = str(far(rig).client / "config")
    return SshCompute.attach(ws, "other", "box", **{"config": config, "patience": 29, "slots": 2, **settings})


def test_all_runs_take_one_login(make: Make) -> None:
    rig = make("ssh", {"slots": 8})
    far(rig).configure()
    ws = Workspace(path=str(rig.root))
    box = attach(ws, rig, slots=8)
    assert box.status == "Succeeded"
    assert ComputeTarget(ws, "other").get_status() == "Succeeded"
    runs = [rig.submit(f"print({number})", target="other") for number in range(200)]
    assert [rig.wait(run_id)["status"] for run_id in runs] == ["Completed"] * 200
    assert [rig.log(run_id) for run_id in runs] == [f"{number}\n" for number in range(200)]
    assert far(rig).logins == 1


def test_two_targets_on_a_host_share_the_connection_and_the_gpus(make: Make) -> None:
    rig = make("ssh")
    far(rig).stop_sshd()
    far(rig).start_sshd("SetEnv=TRAINSHED_FAKE_GPUS=0,1")
    for name in ("one", "two"):
        rig.put_target(name, far(rig).settings(slots=2))
    script = "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'], flush=True)\nimport time\ntime.sleep(600)"
    runs = [rig.submit(script, target=name, use_gpu=True) for name in ("one", "two")]
    assert {rig.log_until(run_id, "\n").strip() for run_id in runs} == {"0", "1"}
    runs.append(rig.submit(script, target="one", use_gpu=True))
    assert rig.completed("pass", target="two")  # by now the GPUs have been looked at again
    assert rig.service.call("GET", f"/runs/{runs[2]}")["status"] == "Queued"
    assert far(rig).logins == 1
    rig.service.call("POST", f"/runs/{runs[1]}/cancel")
    assert rig.wait(runs[1])["status"] == "Canceled"
    rig.log_until(runs[2], "\n")
    rig.service.call("DELETE", "/targets/two")
    run_id = rig.submit("print('x')", target="one", slots=1)
    rig.service.call("POST", f"/runs/{runs[0]}/cancel")
    assert rig.wait(run_id)["status"] == "Completed"
    assert far(rig).logins == 1


def test_v1s_way_to_attach_a_machine(box: Rig, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As notebooks did it: look for it, else attach it, wait, use it, detach it."""
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        RemoteCompute(workspace=ws, name="vm")
    host = far(box)
    config = RemoteCompute.attach_configuration(
        address="127.0.0.1",
        ssh_port=host.port,
        username="worker",
        password="",
        private_key_file=str(host.client / "id"),
    )
    config.settings["config"] = str(host.client / "config")  # else the user's own
    (host.client / "config").write_text((host.client / "config").read_text().replace("Host box", "Host box 127.0.0.1"))
    vm = ComputeTarget.attach(ws, "vm", config)
    vm.wait_for_completion(show_output=True)
    assert (type(vm).__name__, vm.type, vm.provisioning_state) == ("RemoteCompute", "VirtualMachine", "Succeeded")
    found = RemoteCompute(workspace=ws, name="vm")
    assert (found.address, found.ssh_port, found.username) == ("127.0.0.1", host.port, "worker")
    assert "vm" in ws.compute_targets
    box.completed("print('x')", target="vm")
    with pytest.raises(ComputeTargetException, match="nothing of them is stored"):
        found.get_credentials()
    found.detach()
    assert "vm" not in ws.compute_targets
    host.configure(proxy=box.wires.connect)  # type: ignore[union-attr]


def test_a_password_is_refused_and_a_passphrase_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ComputeTargetException, match=r"passwords?.* not supported.*ssh-copy-id -p 22 me@192\.0\.2\.1"):
        RemoteCompute.attach_configuration("me", address="192.0.2.1", password="secret")
    config = RemoteCompute.attach_configuration(
        "me", address="192.0.2.1", private_key_file="id", private_key_passphrase="secret"
    )
    assert "secret" not in repr(config.settings)
    assert "ssh-add id" in caplog.text
    with pytest.raises(ComputeTargetException, match="pass the address of the virtual machine"):
        RemoteCompute.attach_configuration("me", resource_id="/subscriptions/x")


def _unknown_key(host: SshMachine) -> None:
    (host.client / "known_hosts").write_text("")


def _changed_key(host: SshMachine) -> None:
    host.make_key(host.client / "other")
    key = " ".join((host.client / "other.pub").read_text().split()[:2])
    (host.client / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {key}\n")


def _careless(host: SshMachine) -> None:
    host.configure("StrictHostKeyChecking no")
    _changed_key(host)


def _open_key(host: SshMachine) -> None:
    (host.client / "id").chmod(0o644)


def _no_key(host: SshMachine) -> None:
    host.make_key(host.client / "other")
    host.configure(f"IdentityFile {host.client / 'other'}")
    text = (host.client / "config").read_text()
    (host.client / "config").write_text(text.replace(f"  IdentityFile {host.client / 'id'}\n", ""))


def _bad_config(host: SshMachine) -> None:
    host.configure("NoSuchOption yes")


def _nothing(_: SshMachine) -> None:
    pass


TROUBLES: list[tuple[str, Callable[[SshMachine], None], dict[str, Any], list[str]]] = [
    (
        "unknown host key",
        _unknown_key,
        {},
        ["its host key is not known yet: SHA256:{fingerprint}", "accept it: ssh -F", "StrictHostKeyChecking=ask box"],
    ),
    (
        "changed host key",
        _changed_key,
        {},
        ["its host key has changed: it is now SHA256:{fingerprint}", "ssh-keygen -f", "-R '[127.0.0.1]:{port}'"],
    ),
    ("changed host key, and the user does not care", _careless, {}, ["its host key has changed"]),
    ("wrong user", _nothing, {"user": "nobody-here"}, ["nobody-here@127.0.0.1 refuses the login", "ssh-copy-id"]),
    ("key that is not let in", _no_key, {}, ["worker@127.0.0.1 refuses the login (it accepts: publickey)"]),
    ("key that others can read", _open_key, {}, ["other users can read the private key", "chmod 600 {client}/id"]),
    ("no such port", _nothing, {"port": 1}, ["no SSH server listens at port 1 of 127.0.0.1"]),
    ("no such host", _nothing, {"host": "nosuch.invalid"}, ["there is no host of that name"]),
    ("bad configuration", _bad_config, {}, ["Bad configuration option: nosuchoption"]),
    ("no folder", _nothing, {"folder": "/proc/x"}, ["Trainshed's folder on that machine cannot be written"]),
    ("no such Python", _nothing, {"python": "/bin/true"}, ["/bin/true there is not a Python 3.8 or later"]),
    ("no connection to reuse", _nothing, {"reuse": True}, ["no connection to 'box' is open", "-fNM -S"]),
]


@pytest.mark.parametrize(
    ("prepare", "settings", "words"), [row[1:] for row in TROUBLES], ids=[row[0] for row in TROUBLES]
)
def test_what_is_wrong_is_told_before_anything_is_attached(
    box: Rig, ws: Workspace, prepare: Callable[[SshMachine], None], settings: dict[str, Any], words: list[str]
) -> None:
    host = far(box)
    host.configure()
    prepare(host)
    shown = subprocess.run(
        ["ssh-keygen", "-lf", host.folder / "host_key.pub"], capture_output=True, text=True, check=True
    ).stdout
    fingerprint = shown.split()[1].removeprefix("SHA256:")
    settings = dict(settings)
    name = settings.pop("host", "box")
    try:
        with pytest.raises(ComputeTargetException) as caught:
            SshCompute.attach(ws, "other", name, config=str(host.client / "config"), **settings)
    finally:
        (host.client / "id").chmod(0o600)
        host.configure(proxy=box.wires.connect)  # type: ignore[union-attr]
    for word in words:
        assert word.format(fingerprint=fingerprint, port=host.port, client=host.client) in caught.value.message
    assert "other" not in ws.compute_targets


def test_a_name_that_is_taken_and_one_that_is_attached_anew(make: Make) -> None:
    rig = make("ssh")
    ws = Workspace(path=str(rig.root))
    config = str(far(rig).client / "config")
    with pytest.raises(UserErrorException, match=r"There is a target 'local' already, of kind local\. Choose"):
        SshCompute.attach(ws, "local", "box", config=config)
    ComputeTarget.create(ws, "nodes", AmlCompute.provisioning_configuration(max_nodes=1))
    with pytest.raises(UserErrorException, match=r"of kind cluster.*trainshed target remove nodes"):
        SshCompute.attach(ws, "nodes", "box", config=config)
    attach(ws, rig, user="worker", folder="~/one")
    with pytest.raises(UserErrorException, match="There is a target 'other' already, of kind ssh"):
        ComputeTarget.create(ws, "other", AmlCompute.provisioning_configuration(max_nodes=1))
    attach(ws, rig, folder="~/two")
    record = rig.service.call("GET", "/targets/other")
    assert (record.get("user"), record["folder"]) == (None, "~/two")
    run_id = rig.completed("import os; print(os.getcwd())", target="other")
    assert rig.log(run_id).startswith("/mnt/home/two/")


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false"])
def test_an_account_without_a_shell(make: Make, shell: str) -> None:
    rig = make("ssh")
    passwd = far(rig).folder / "passwd"
    passwd.write_text(passwd.read_text().replace("/mnt/home:/bin/sh", f"/mnt/home:{shell}"))
    with pytest.raises(
        ComputeTargetException, match=r"the login works, but the account runs no commands \(exit code 1"
    ):
        attach(Workspace(path=str(rig.root)), rig)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash", "/bin/csh", "/bin/tcsh", "/usr/bin/fish", "/bin/zsh"])
def test_any_shell_will_do(make: Make, shell: str) -> None:
    if not os.path.exists(shell):
        pytest.skip(f"no {shell} here")
    rig = make("ssh")
    passwd = far(rig).folder / "passwd"
    passwd.write_text(passwd.read_text().replace("/mnt/home:/bin/sh", f"/mnt/home:{shell}"))
    for name in (".bashrc", ".cshrc", ".zshrc"):
        (far(rig).home / name).write_text("echo Welcome to this machine\n")
    attach(Workspace(path=str(rig.root)), rig, folder="~/deep er/folder")
    run_id = rig.completed("import os; print(os.path.realpath('.'))", target="other")
    assert rig.log(run_id).startswith("/mnt/home/deep er/folder/workspaces/")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"slotz": 1}, "has no setting 'slotz'. Did you mean 'slots'?"),
        ({"port": "22"}, "port is '22', not a int"),
        ({"port": 70000}, "it must be 1 to 65535"),
        ({"host": "-oProxyCommand=x"}, "host is '-oProxyCommand=x'"),
        ({"user": "-l"}, "user is '-l'"),
        ({"folder": "scratch"}, "a path on the host that begins with / or ~/"),
        ({"folder": "/a'b"}, "cannot be used"),
        ({"key": "/no/such/key"}, "there is no such file on the service's machine"),
        ({"slots": 0}, "slots"),
    ],
)
def test_settings_that_cannot_be(box: Rig, ws: Workspace, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserErrorException) as caught:
        SshCompute.attach(ws, "other", **{"host": "box", **settings})
    assert words in caught.value.message


def until(rig: Rig, run_id: str, status: str) -> dict[str, Any]:
    """Return a run's record once it has a status."""
    record: dict[str, Any] = {"status": ""}
    while record["status"] != status:
        record = rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    return record


def test_a_login_that_is_refused_later_is_shown_and_not_tried_again_and_again(make: Make) -> None:
    rig = make("ssh", {"patience": 3600})
    host = far(rig)
    run_id = rig.submit(WAITS + "print('up', flush=True); wait('go'); print('done')", arguments=[rig.there])
    rig.log_until(run_id, "up")
    words = [sys.executable, "-m", "trainshed.cli.main", "logs", "-f", run_id, "--workspace", str(rig.root)]
    watcher = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert watcher.stdout
    assert watcher.stderr
    assert watcher.stdout.readline() == "up\n"
    keys = (host.folder / "authorized_keys").read_text()
    (host.folder / "authorized_keys").write_text("")
    assert rig.wires
    rig.wires.cut()
    record = until(rig, run_id, "NotResponding")
    assert "worker@127.0.0.1 refuses the login" in record["details"]["error"]["message"]
    assert "waiting. Machine 'box' cannot be reached: worker@127.0.0.1" in watcher.stderr.readline()
    target = rig.service.call("GET", f"/targets/{rig.target}")
    assert "worker@127.0.0.1 refuses the login" in target["error"]
    waiting = [rig.submit("print('x')") for _ in range(5)]
    while "error" not in rig.service.call("GET", f"/runs/{waiting[0]}")["details"]:
        pass
    assert host.log.count("Connection closed by authenticating user") == 1, host.log
    (host.folder / "authorized_keys").write_text(keys)
    rig.go("go")
    assert check(Workspace(path=str(rig.root)), rig.target)["facts"]["host"] == "isolated"
    assert rig.wait(run_id)["status"] == "Completed"
    assert rig.log(run_id) == "up\ndone\n"
    assert watcher.communicate()[0] == "done\n"
    assert [rig.wait(each)["status"] for each in waiting] == ["Completed"] * 5
    assert rig.service.call("GET", f"/targets/{rig.target}")["error"] is None
    assert host.logins == 2


def test_only_a_connection_that_the_user_has_opened_is_used(make: Make) -> None:
    rig = make("ssh")
    host = far(rig)
    path = rig.folder / "master"
    host.configure(f"ControlPath {path}")
    master = ["ssh", "-F", str(host.client / "config"), "-S", str(path)]
    ws = Workspace(path=str(rig.root))
    with pytest.raises(ComputeTargetException, match="no connection to 'box' is open"):
        attach(ws, rig, reuse=True)
    assert host.logins == 0
    subprocess.run([*master, "-fNM", "box"], check=True)
    attach(ws, rig, reuse=True)
    run_id = rig.submit(
        WAITS + "print('up', flush=True); wait('go'); print('done')", arguments=[rig.there], target="other"
    )
    rig.log_until(run_id, "up")
    assert host.logins == 1
    subprocess.run([*master, "-O", "exit", "box"], check=True, capture_output=True)
    record = until(rig, run_id, "NotResponding")
    assert "no connection to 'box' is open" in record["details"]["error"]["message"]
    assert str(path) in record["details"]["error"]["message"]
    assert host.logins == 1
    assert "Connection closed by authenticating" not in host.log
    subprocess.run([*master, "-fNM", "box"], check=True)
    rig.go("go")
    assert rig.wait(run_id)["status"] == "Completed"
    assert host.logins == 2
    subprocess.run([*master, "-O", "exit", "box"], check=True, capture_output=True)


def test_the_users_configuration_of_shared_connections_and_forwards_does_no_harm(make: Make) -> None:
    rig = make("ssh")
    host = far(rig)
    path = rig.folder / "master"
    host.configure(
        "ControlMaster auto",
        f"ControlPath {path}",
        "ControlPersist yes",
        "LocalForward 1 localhost:1",
        "ExitOnForwardFailure yes",
        "RemoteCommand bash",
        "RequestTTY force",
        "StrictHostKeyChecking accept-new",
    )
    (host.client / "known_hosts").write_text("")
    attach(Workspace(path=str(rig.root)), rig)
    rig.completed("print('x')", target="other")
    assert not path.exists()
    assert str(host.port) in (host.client / "known_hosts").read_text()


def through_a_jump_host(host: SshMachine, *lines: str) -> None:
    """Have the client reach the host by a jump over itself."""
    host.configure("ProxyJump jump")
    text = (host.client / "config").read_text()
    jump = text.replace("Host box", "Host jump").replace("  ProxyJump jump\n", "".join(f"  {line}\n" for line in lines))
    (host.client / "config").write_text(text + jump)


def test_a_host_behind_a_jump_host(make: Make) -> None:
    rig = make("ssh")
    host = far(rig)
    ws = Workspace(path=str(rig.root))
    through_a_jump_host(host, f"UserKnownHostsFile {host.client / 'none'}")
    with pytest.raises(ComputeTargetException, match=r"its host key is not known yet: SHA256:\S+ \(ssh-ed25519\)"):
        attach(ws, rig)
    through_a_jump_host(host, "User nobody-here")
    with pytest.raises(ComputeTargetException, match=r"nobody-here@127\.0\.0\.1 refuses the login"):
        attach(ws, rig)
    through_a_jump_host(host)
    attach(ws, rig)
    rig.completed("print('x')", target="other")
    assert host.logins == 2


def test_an_agent_with_too_many_keys(make: Make, monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    if shutil.which("ssh-agent") is None:
        pytest.skip("no ssh-agent here")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", short_path / "agent"], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(short_path / "agent"))
    try:
        while not (short_path / "agent").exists():
            pass
        rig = make("ssh")
        host = far(rig)
        _no_key(host)
        config = (host.client / "config").read_text()
        (host.client / "config").write_text(config.replace("  IdentitiesOnly yes\n", ""))
        for number in range(7):
            host.make_key(short_path / f"key{number}")
            subprocess.run(["ssh-add", "-q", short_path / f"key{number}"], check=True)
        ws = Workspace(path=str(rig.root))
        with pytest.raises(ComputeTargetException, match="your agent offers so many keys"):
            attach(ws, rig)
        subprocess.run(["ssh-add", "-q", "-D"], check=True, capture_output=True)
        with pytest.raises(ComputeTargetException) as caught:
            attach(ws, rig)
        assert "ssh-agent" not in caught.value.message, "there is one"
        subprocess.run(["ssh-add", "-q", host.client / "id"], check=True)
        attach(ws, rig)
        rig.completed("print('x')", target="other")
    finally:
        agent.kill()
        agent.wait()


def python_archive(folder: Path) -> Path:
    """Make an archive with this machine's own Python, as a folder that can be anywhere."""
    source = Path("/usr/bin/python3").resolve()
    library = Path("/usr/lib") / source.name

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if "__pycache__" in member.name or "dist-packages" in member.name else member

    with tarfile.open(folder / "python.tar", "w") as archive:
        archive.add(source, "python/bin/python3")
        archive.add(library, f"python/lib/{source.name}", filter=kept)
    return folder / "python.tar"


def without_python(host: SshMachine) -> None:
    """Take the machine's own Python away."""
    for path in Path("/usr/bin").glob("python3*"):
        if not path.is_symlink() and path.name[len("python3") :].lstrip(".").isdigit():
            host.mount("--bind", "/dev/null", str(path))


def test_a_python_is_brought_where_there_is_none(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = make("ssh")
    host = far(rig)
    without_python(host)
    archive = python_archive(tmp_path)
    ws = Workspace(path=str(rig.root))
    assert rig.wires
    # The first time it is cut in the middle of it; what has arrived is not sent again.
    size = archive.stat().st_size
    rig.wires.cut_next([(None, None), (size // 2, None)])
    with pytest.raises(ComputeTargetException, match="cannot be reached"):
        attach(ws, rig, archive=str(archive))
    [part] = (host.home / ".trainshed" / "incoming").iterdir()
    arrived = part.stat().st_size
    assert 4 << 20 < arrived < size
    rig.wires.cut_next([(None, None), (size - arrived + (2 << 20), None)])
    attach(ws, rig, archive=str(archive))
    script = "import sys, json, ctypes; print(sys.executable)"
    python = {"kind": "existing", "interpreter": "python3"}
    run_id = rig.completed(script, target="other", environment=python)
    assert rig.log(run_id).startswith("/mnt/home/.trainshed/python/")
    run_id = rig.completed("import sys; print(sys.base_prefix)", target="other", environment={"pip": []})
    assert rig.log(run_id).startswith("/mnt/home/.trainshed/python/")
    assert list((host.home / ".trainshed" / "incoming").iterdir()) == []


def test_a_service_stops_while_a_python_is_being_sent(make: Make, tmp_path: Path) -> None:
    rig = make("ssh")
    without_python(far(rig))
    (tmp_path / "archive").touch()
    os.truncate(tmp_path / "archive", 300 << 20)
    assert rig.wires
    rig.put_target("other", far(rig).settings(archive=str(tmp_path / "archive")))
    run_id = rig.submit("pass", target="other")
    while "sending Python" not in str(rig.service.call("GET", "/targets/other")["doing"]):
        pass
    rig.wires.hold()
    fd = os.pidfd_open(rig.service_pid())
    rig.service.call("POST", "/service/stop")
    gone(fd)
    rig.wires.go()
    rig.service.call("POST", f"/runs/{run_id}/cancel")


def test_no_python_and_no_way_to_bring_one(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRAINSHED_PYTHON_DOWNLOADS", "never")
    rig = make("ssh")
    without_python(far(rig))
    with pytest.raises(ComputeTargetException) as caught:
        attach(Workspace(path=str(rig.root)), rig)
    assert "it has no python3, and none can be brought there: downloads are switched off" in caught.value.message
    assert caught.value.message.endswith("or name an archive with one (setting archive).")
    # A Python of another processor, by its header: EM_AARCH64.
    program = tmp_path / "python3"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(1000))
    program.chmod(0o755)
    with tarfile.open(tmp_path / "python.tar", "w") as archive:
        archive.add(program, "python/bin/python3")
    with pytest.raises(ComputeTargetException, match=r"brought there does not run \(Linux .*Name an archive for that"):
        attach(Workspace(path=str(rig.root)), rig, archive=str(tmp_path / "python.tar"))


def test_no_python_and_no_network_there_or_another_libc(make: Make) -> None:
    rig = make("ssh")
    far(rig).stop_sshd()
    far(rig).start_sshd("SetEnv=UV_PYTHON_INSTALL_MIRROR=file:///no/such/mirror")
    without_python(far(rig))
    with pytest.raises(ComputeTargetException) as caught:
        attach(Workspace(path=str(rig.root)), rig)
    assert "a Python could not be installed there: " in caught.value.message
    assert (far(rig).home / ".trainshed" / "tools" / "uv").exists()
    # A stand-in for ldd, which says what it says on Alpine.
    ldd = far(rig).folder / "ldd"
    ldd.write_text("#!/bin/sh\necho 'musl libc (x86_64)' >&2\nexit 1\n")
    ldd.chmod(0o755)
    far(rig).mount("--bind", "/mnt/ldd", os.path.realpath("/usr/bin/ldd"))
    with pytest.raises(ComputeTargetException, match=r"brought there: it is Linux \S+ musl, and uv here is for Linux "):
        attach(Workspace(path=str(rig.root)), rig)


def test_a_machine_of_another_kind_is_told_before_uv_is_sent(make: Make) -> None:
    rig = make("ssh")
    host = far(rig)
    passwd = host.folder / "passwd"
    shell = host.folder / "setarch-shell"
    shell.write_text('#!/bin/sh\nexec setarch linux32 /bin/sh "$@"\n')
    shell.chmod(0o755)
    passwd.write_text(passwd.read_text().replace("/mnt/home:/bin/sh", "/mnt/home:/mnt/setarch-shell"))
    attach(Workspace(path=str(rig.root)), rig)
    record = rig.wait(rig.submit("pass", target="other", environment={"pip": ["six"]}))
    assert (record["status"], record["reason"]) == ("Failed", "start_failed")
    assert "isolated is Linux i686 glibc and has no uv" in record["details"]["error"]["message"]
    rig.completed("print('x')", target="other")


def test_what_has_gone_wrong_there_meanwhile_ends_no_run(make: Make) -> None:
    """The disk of the machine is full, or its folder cannot be written, when the connection is made again."""
    rig = make("ssh")
    host = far(rig)
    run_id = rig.submit(FOREVER)
    rig.log_until(run_id, "up")
    node = next((host.home / ".trainshed" / "node").iterdir())
    node.rename(node.with_name("away"))
    (host.home / ".trainshed" / "node").chmod(0o500)
    assert rig.wires
    rig.wires.cut()
    record = until(rig, run_id, "NotResponding")
    assert "Trainshed's folder on that machine cannot be written" in record["details"]["error"]["message"]
    (host.home / ".trainshed" / "node").chmod(0o700)
    check(Workspace(path=str(rig.root)), rig.target)
    until(rig, run_id, "Running")


def test_the_command_line_adds_checks_changes_and_removes_a_target(
    box: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainshed.cli.main import main

    def target(*words: str, code: int = 0) -> str:
        assert main(["target", *words, "--workspace", str(box.root)]) == code
        told = capsys.readouterr()
        return told.out if code == 0 else told.err

    config = str(far(box).client / "config")
    assert target("add", "cli", "box", "--config", config, "--slots", "2").split()[-5:] == [
        "cli",
        "ssh",
        "2",
        "0",
        "box",
    ]
    told = target("check", "cli")
    assert "isolated: Linux" in told
    assert "free in /mnt/home/.trainshed" in told
    assert told.splitlines()[-1] == "cli can be used."
    assert target("cli", "--slots", "3").split()[-3:] == ["3", "0", "box"]
    assert "'cli' is one node" in target("cli", "--nodes", "2", code=2)
    assert "there is no host of that name" in target("add", "other", "nosuch.invalid", code=2)
    assert "NAME or HOST is missing" in target("add", "other", code=2)
    assert "has no action 'delete'" in target("delete", "cli", code=2)
    assert "--user is for trainshed target add" in target("list", "--user", "x", code=2)
    assert "removed cli" in target("remove", "cli")
    assert "cli" not in target("list")
    assert "ComputeTargetNotFound" in target("check", "cli", code=2)


def test_a_check_says_which_step_fails(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    from trainshed.cli.main import main

    rig = make("ssh")
    far(rig).stop_sshd()
    far(rig).start_sshd("SetEnv=UV_INDEX_URL=http://127.0.0.1:1/simple UV_NO_INDEX=1 UV_FIND_LINKS=/no")
    attach(Workspace(path=str(rig.root)), rig)
    assert main(["target", "check", "other", "--workspace", str(rig.root)]) == 1
    told = capsys.readouterr()
    assert "environment: run 'target-check_" in told.err
    assert "on 'other' did not complete: " in told.err
