"""The service among its neighbours: who reaches it, what they can use up, and how it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from service_fixture import ServiceFixture, gone

from trainshed.client.embedded import connect
from trainshed.client.http import Connection
from trainshed.client.wire import Wire
from trainshed.errors import AuthenticationException, NotFoundException, TrainshedError, UserErrorException
from trainshed.service.identity import proof


@pytest.fixture
def tmp_path(short_path: Path) -> Path:
    """All tests here have sockets in their folders."""
    return short_path


MANY = 1500
OTHER = 54321
BIG = 256 << 20


class Stranger(Connection):
    """A client that wants no proof before it sends a token, because it has none."""

    def _open(self) -> Wire:
        return Wire(self._host, self._port, self._unix)


def endpoint(fixture: ServiceFixture) -> dict[str, Any]:
    fixture.service_pid()
    found: dict[str, Any] = json.loads((fixture.root / "service.json").read_text())
    return found


def both(told: dict[str, Any]) -> tuple[Connection, Connection]:
    """Return connections by the socket and by TCP."""
    addresses = (f"unix:{told['socket']}", f"http://127.0.0.1:{told['port']}")
    return tuple(Connection(address, told["token"]) for address in addresses)  # type: ignore[return-value]


def spec(**more: Any) -> dict[str, Any]:
    return {"experiment": "faults", "command": ["true"], "environment": {"kind": "existing"}, **more}


def raw(told: dict[str, Any], request: str, body: bytes = b"", token: bool = True) -> bytes:
    """Send a request by TCP and return the whole answer."""
    with socket.create_connection(("127.0.0.1", told["port"]), timeout=60) as line:
        head = f"{request} HTTP/1.1\r\nhost: 127.0.0.1:{told['port']}\r\nconnection: close\r\n"
        head += f"authorization: Bearer {told['token']}\r\n" if token else ""
        with contextlib.suppress(ConnectionError):  # it may answer and hang up before it has read everything
            line.sendall(head.encode() + b"\r\n" + body)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := line.recv(1 << 16):
                got += piece
    return got


def peak(pid: int) -> int:
    """Return the most memory that a process has had, in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) >> 10


# Who is there.


def test_the_socket_is_in_the_workspace_and_for_its_owner(fixture: ServiceFixture) -> None:
    told = endpoint(fixture)
    assert told["socket"] == str(fixture.root / "service.sock")
    assert stat.S_IMODE(os.stat(told["socket"]).st_mode) == 0o600
    for connection in both(told):
        assert connection.call("GET", "/service")["pid"] == told["pid"]
        connection.close()
    wrong = Connection(f"unix:{told['socket']}", "wrong")
    with pytest.raises(AuthenticationException):
        wrong.call("GET", "/service")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be another user")
def test_another_user_who_reaches_the_socket_is_dropped(fixture: ServiceFixture, tmp_path: Path) -> None:
    told = endpoint(fixture)
    fixture.root.chmod(0o711)
    os.chmod(told["socket"], 0o666)
    ask = (
        "import os, socket, sys\n"
        "os.chdir(sys.argv[1])\n"
        "if int(sys.argv[2]): os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))\n"
        "line = socket.socket(socket.AF_UNIX); line.connect('service.sock')\n"
        "try:\n"
        "    line.sendall(b'GET /healthz HTTP/1.1\\r\\nhost: trainshed.invalid\\r\\n\\r\\n'); print(len(line.recv(99)))\n"
        "except (BrokenPipeError, ConnectionResetError): print(0)\n"
    )
    got = [
        subprocess.run(
            [sys.executable, "-c", ask, fixture.root, user], capture_output=True, text=True, check=True
        ).stdout
        for user in ("0", str(OTHER))
    ]
    assert [text.strip() for text in got] == ["99", "0"]


def test_the_service_proves_that_it_knows_the_tokens(fixture: ServiceFixture) -> None:
    nonce = secrets.token_hex(32)
    told = endpoint(fixture)

    def proofs(by: Connection) -> list[str]:
        return list(by.call("GET", "/identity", query={"nonce": nonce})["proofs"])

    strangers = [Stranger(f"http://localhost:{told['port']}", "none"), Stranger(f"unix:{told['socket']}", "none")]
    for stranger in strangers:
        assert proofs(stranger) == [proof(told["token"], nonce)]
    lasting = fixture.service.call("POST", "/service/access")
    assert lasting["address"] == f"http://127.0.0.1:{told['port']}"
    for stranger in strangers:
        assert proofs(stranger) == [proof(told["token"], nonce), proof(lasting["token"], nonce)]
        for wrong in ("", "x" * 64, "٣" * 64, nonce[1:], nonce + "0"):
            with pytest.raises(UserErrorException, match="64 hex digits"):
                stranger.call("GET", "/identity", query={"nonce": wrong})
    # Through a tunnel, the port is another.
    answer = raw({**told, "port": told["port"]}, f"GET /api/v1/identity?nonce={nonce}", token=False)
    assert proof(told["token"], nonce).encode() in answer


def test_a_service_whose_port_was_taken_proves_nothing_to_those_who_know_the_port(fixture: ServiceFixture) -> None:
    lasting = fixture.service.call("POST", "/service/access")["token"]
    port = endpoint(fixture)["port"]
    fixture.kill_service()
    with socket.create_server(("127.0.0.1", port)):
        (fixture.root / "service.json").unlink()  # else the next client would ask whoever has the port
        connect(str(fixture.root)).call("GET", "/service")
        told = json.loads((fixture.root / "service.json").read_text())
        assert told["port"] != port
        nonce = secrets.token_hex(32)
        got = Stranger(f"unix:{told['socket']}", "none").call("GET", "/identity", query={"nonce": nonce})["proofs"]
    assert got == [proof(told["token"], nonce)]
    assert proof(lasting, nonce) not in got


# What neighbours can use up.

CROWD = """
import os, resource, socket, sys
port, number, user = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (number + 100, max(number + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
lines = [socket.socket() for _ in range(number)]
for line in lines:
    line.connect(("127.0.0.1", port))
print(len(lines), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def crowd(port: int) -> Iterator[None]:
    """Keep many idle connections open; as another user, if we can."""
    user = OTHER if os.getuid() == 0 else 0
    argv = [sys.executable, "-c", CROWD, str(port), str(MANY), str(user)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as others:
        assert others.stdout is not None
        assert others.stdout.readline() == f"{MANY}\n"
        yield
        assert others.stdin is not None
        others.stdin.close()
        assert others.wait() == 0


@pytest.fixture
def few_files(fixture: ServiceFixture) -> None:
    """The service starts anew with the usual limit of open files."""
    fixture.kill_service()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1]))
    fixture.service_pid()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("few_files")
def test_many_idle_connections_of_another_user_change_nothing(fixture: ServiceFixture) -> None:
    told = endpoint(fixture)
    clients = both(told)
    before = [client.call("GET", "/service")["pid"] for client in clients]
    with crowd(told["port"]):
        for client in (*clients, *both(told)):  # those that were connected before, and new ones
            made = client.call("POST", "/runs", {"submit_id": secrets.token_hex(16), "spec": spec()})
            assert fixture.wait(made["id"])["status"] == "Completed"
        if os.path.isdir("/proc"):
            assert len(os.listdir(f"/proc/{told['pid']}/fd")) < 500
    assert [client.call("GET", "/service")["pid"] for client in clients] == before
    assert (fixture.root / "service.log").stat().st_size < 100_000


@pytest.mark.parametrize("token", [True, False])
def test_a_large_body_is_refused_before_it_is_read(fixture: ServiceFixture, token: bool) -> None:
    told = endpoint(fixture)
    request = "POST /api/v1/runs"
    answer = raw(told, f"{request} HTTP/1.1\r\nx: y\r\ncontent-length: {60 << 20}\r\nz:", b"[]," * (10 << 20), token)
    assert b"4 MB at once" in answer if token else b"401" in answer[:12]


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="memory is read from /proc")
def test_nested_lists_cost_little(fixture: ServiceFixture) -> None:
    told = endpoint(fixture)
    before = peak(told["pid"])
    for path in ("/runs", "/snapshots"):
        body = b"[" + b"[]," * (20 << 20) + b"[]]"
        connection = Connection(f"unix:{told['socket']}", told["token"])
        with pytest.raises(UserErrorException, match=r"too large|too many parts"):
            connection.upload("POST", path, body)
        connection.close()
    assert peak(told["pid"]) - before < 30


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="memory is read from /proc")
@pytest.mark.parametrize("page", [False, True], ids=["api", "page"])
def test_a_large_download_costs_little(fixture: ServiceFixture, page: bool) -> None:
    script = f"import os; os.makedirs('outputs', exist_ok=True); f = open('outputs/big', 'wb')\nfor _ in range({BIG >> 20}): f.write(os.urandom(1 << 20))"
    run_id = fixture.submit(script)
    assert fixture.wait(run_id)["status"] == "Completed"
    told = endpoint(fixture)
    before = peak(told["pid"])
    where = f"{'/pages/data' if page else '/api/v1'}/runs/{run_id}/files/outputs/big"
    lines = [socket.create_connection(("127.0.0.1", told["port"])) for _ in range(3)]
    head = f"GET {where} HTTP/1.1\r\nhost: 127.0.0.1:{told['port']}\r\nauthorization: Bearer {told['token']}\r\n\r\n"
    for line in lines:
        line.sendall(head.encode())
    # Two of them take nothing but the beginning, and the third all.
    size = 0
    for line in lines[:2]:
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
    while size < BIG:
        size += len(lines[2].recv(1 << 20))
    for line in lines:
        line.close()
    assert peak(told["pid"]) - before < 60


# What is refused.


def test_a_submit_id_stands_for_one_request(fixture: ServiceFixture) -> None:
    body = {"submit_id": secrets.token_hex(16), "spec": spec(environment_variables={"A": "b"}, tags={"a": "b"})}
    first = fixture.service.call("POST", "/runs", body)
    assert fixture.service.call("POST", "/runs", body)["id"] == first["id"]
    others: list[dict[str, Any]] = [{"command": ["false"]}, {"tags": {"a": "c"}}, {"priority": 7}]
    for other in [*others, {"environment_variables": {}}]:
        with pytest.raises(UserErrorException, match=f"belongs to run '{first['id']}'"):
            fixture.service.call(
                "POST", "/runs", {**body, "spec": {**spec(environment_variables={"A": "b"}, tags={"a": "b"}), **other}}
            )
    answer = raw(
        endpoint(fixture),
        "POST /api/v1/runs HTTP/1.1\r\ncontent-length: 200\r\nx:",
        json.dumps({**body, "spec": spec()}).encode().ljust(200),
    )
    assert answer.startswith(b"HTTP/1.1 409")
    assert len(fixture.service.call("GET", "/runs")["runs"]) == 1


@pytest.mark.parametrize("run_id", [None, "chosen"])
def test_an_interactive_run_is_begun_once(fixture: ServiceFixture, run_id: str | None) -> None:
    owner = {"pid": os.getpid(), "start": 1, "boot": "x"}
    body = {"submit_id": secrets.token_hex(16), "spec": {"experiment": "faults"}, "owner": owner, "run_id": run_id}
    first = fixture.service.call("POST", "/runs/interactive", body)
    assert fixture.service.call("POST", "/runs/interactive", body)["id"] == first["id"]
    with pytest.raises(UserErrorException, match="other settings"):
        fixture.service.call("POST", "/runs/interactive", {**body, "spec": {"experiment": "other"}})


def test_models_have_their_own_folders_only(fixture: ServiceFixture, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    service, token = fixture.service, secrets.token_hex(16)
    with pytest.raises(UserErrorException, match="POST /models"):
        service.call("POST", "/catalog/model/evil", {"record": {"folder": str(precious)}})
    service.upload("PUT", f"/models/incoming/{token}/file", b"content")
    body = {"name": "good", "upload": token, "record": {"folder": str(precious)}}
    made = service.call("POST", "/models", body)
    assert service.call("POST", "/models", body) == made  # the response was lost
    for where in (str(precious), "../runs", "..", "", None):
        service.call("PUT", "/catalog/model/good/1", {"record": {"folder": where, "description": "d"}})
    assert service.call("GET", "/catalog/model/good")["record"]["description"] == "d"
    # What has been registered is neither changed nor registered again.
    attempts: list[Callable[[], Any]] = [
        lambda: service.upload("PUT", f"/models/incoming/{token}/file", b"other"),
        lambda: service.call("POST", "/models", {"name": "second", "upload": token}),
        lambda: service.call("POST", "/models", {"name": "../x", "upload": token}),
        lambda: service.call("POST", "/models", {"name": "x", "upload": "../../runs"}),
    ]
    for refused in attempts:
        with pytest.raises(TrainshedError):
            refused()
    assert b"".join(service.stream("GET", "/models/good/1/files/file")) == b"content"
    service.call("DELETE", "/models/good/1")
    assert (precious / "file").read_text() == "x"
    assert not (fixture.root / "models" / token).exists()
    with pytest.raises(NotFoundException):
        service.call("GET", "/models/good/1/files")


def test_files_below_links_and_files_are_refused_with_a_sentence(fixture: ServiceFixture, tmp_path: Path) -> None:
    store = fixture.root / "datastores" / "workspaceblobstore"
    fixture.service_pid()
    (store / "link").symlink_to(tmp_path)
    (store / "file").write_text("x")
    for path in ("link/x", "file/x", "a" * 300, "b/" * 100 + "c" * 300):
        with pytest.raises(UserErrorException, match=r"cannot be stored|is not valid|already a file"):
            fixture.service.upload("PUT", f"/datastores/workspaceblobstore/files/{path}", b"x")
    assert not (tmp_path / "x").exists()


# How it leaves.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order(fixture: ServiceFixture, tmp_path: Path, number: signal.Signals) -> None:
    fixture.kill_service()
    argv = [sys.executable, "-m", "trainshed.service.main", str(fixture.root)]
    ready, tell = os.pipe()
    with subprocess.Popen([*argv, "--ready-fd", str(tell)], pass_fds=[tell], stderr=subprocess.DEVNULL) as service:
        os.close(tell)
        with open(ready, "rb") as line:
            assert line.readline() == b"ready\n"
        script = (
            "import os, sys, time\nprint('up', flush=True)\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)"
        )
        run_id = fixture.submit(script, arguments=[str(tmp_path / "go")])
        fixture.log_until(run_id, "up")
        told = endpoint(fixture)
        assert told["pid"] == service.pid
        # One client follows a log, and one sends nothing.
        log = fixture.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
        next(log)
        with socket.create_connection(("127.0.0.1", told["port"])):
            service.send_signal(number)
            assert service.wait(timeout=30) == 0
    left = sorted(path.name for path in fixture.root.iterdir())
    assert not {"service.json", "service.sock", "history.db-wal", "history.db-shm"} & set(left), left
    assert fixture.alive(run_id)
    (tmp_path / "go").touch()
    assert fixture.wait(run_id)["status"] == "Completed"


def test_a_killed_service_leaves_a_socket_that_the_next_replaces(fixture: ServiceFixture) -> None:
    first = endpoint(fixture)
    fd = os.pidfd_open(first["pid"])
    os.kill(first["pid"], signal.SIGKILL)
    gone(fd)
    assert os.path.exists(first["socket"])
    second = endpoint(fixture)
    assert (second["socket"], second["pid"] != first["pid"]) == (first["socket"], True)
    for connection in both(second):
        assert connection.call("GET", "/service")["pid"] == second["pid"]
        connection.close()
