"""The page through Jupyter's proxy and through an SSH tunnel, in a real browser: other addresses, the same page."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser_page import Page

from trainshed import Experiment, Workspace
from trainshed.api.runs.run import Run

SSHD = "/usr/sbin/sshd"
FIELD = "return [...document.querySelectorAll('label')].find((e) => e.innerText.includes('One-time code'))?.control"
NOTES = "return document.querySelector('[aria-label=Notes]')"


@pytest.fixture
def page(browser: Any, shared_workspace: Workspace, pictures: Path) -> Iterator[Page]:
    """The page of a workspace, in a browser that has not been there."""
    with Page.of(browser, shared_workspace, pictures) as made:
        yield made


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """A Jupyter server with jupyter-server-proxy: its address, its token, and the file of its log."""
    uv, env = str(Path(sys.executable).with_name("uv")), tmp_path / "env"
    subprocess.run([uv, "venv", "-q", env, "--python", sys.executable], check=True)
    packages = ("jupyter-server", "jupyter-server-proxy")
    subprocess.run([uv, "pip", "install", "-q", "--python", env / "bin" / "python", *packages], check=True)
    places = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "RUNTIME", "DATA")}
    settings = ("ip=127.0.0.1", "port=0", "open_browser=False", "allow_root=True", "allow_remote_access=True")
    argv = [str(env / "bin" / "jupyter-server"), *(f"--ServerApp.{each}" for each in settings)]
    environ = {**os.environ, **places, "JUPYTER_TOKEN": "of-jupyter"}
    log = tmp_path / "jupyter.log"
    with subprocess.Popen(argv, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        with log.open("a", buffering=1) as file:
            address = None
            for line in server.stderr:
                file.write(line)
                if address := re.search(r"http://127\.0\.0\.1:\d+/", line):
                    break
            assert address is not None, log.read_text()
            copied = subprocess.Popen(["cat"], stdin=server.stderr, stdout=file)  # until it ends
            yield address[0], "of-jupyter", log
            server.terminate()
            copied.wait()


@pytest.fixture
def tunnel(shared_workspace: Workspace, short_path: Path) -> Iterator[str]:
    """The service's port at another one, forwarded by ssh through a real sshd of this user."""
    missing = [each for each in ("ssh", "ssh-keygen", SSHD) if shutil.which(each) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here (Debian: openssh-client, openssh-server)")
    for name in ("host_key", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", short_path / name], check=True)
    there, here = (free_port() for _ in range(2))
    options = [f"Port={there}", "ListenAddress=127.0.0.1", f"HostKey={short_path}/host_key", "PidFile=none"]
    options += [f"AuthorizedKeysFile={short_path}/id.pub", "StrictModes=no", "UsePAM=no"]
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    argv = [SSHD, "-D", "-e", "-f", "/dev/null", *(word for each in options for word in ("-o", each))]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        assert any("Server listening" in line for line in daemon.stderr)
        line = ["ssh", "-F", "/dev/null", "-i", str(short_path / "id"), "-p", str(there), "-S", str(short_path / "s")]
        line += [
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            f"UserKnownHostsFile={short_path}/known",
            "-o",
            "LogLevel=ERROR",
        ]
        port = urlsplit(shared_workspace.page_url("/")).port
        forward = ["-M", "-f", "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{here}:127.0.0.1:{port}"]
        # It goes to the background once the port is forwarded.
        subprocess.run([*line, *forward, "127.0.0.1"], check=True, stdin=subprocess.DEVNULL)
        yield f"http://localhost:{here}/"
        subprocess.run([*line, "-O", "exit", "127.0.0.1"], check=True)
        daemon.terminate()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def is_used(page: Page, address: str) -> str:
    """Log in at an address of the page, watch a run there, and write about it; return the code that it took."""
    run: Run = Experiment(page.workspace, "elsewhere").start_logging(snapshot_directory=None, display_name="far")
    run.log("loss", 0.25)
    page.browser.get(address)
    code: str = page.workspace.connection.call("POST", "/page")["code"]
    page.until(FIELD).send_keys(f"{code}\n")
    page.shows("far", "Running")
    page.base = page.browser.current_url.partition("?")[0]
    page.open(f"runs/{run.id}")
    page.shows("far", "Running", "loss")
    page.until(NOTES).send_keys("written from elsewhere\t")
    run.log("late", 0.5)
    page.shows("late")  # without reloading
    run.complete()
    page.shows("Completed")
    assert page.workspace.get_run(run.id).description == "written from elsewhere"
    page.check()
    return code


def ask(address: str, host: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Return the answer to a request at an address, by whatever name its host is called."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}", headers={"Host": host, **headers})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, dict(answer.getheaders()), text


def test_the_page_in_jupyter(page: Page, jupyter: tuple[str, str, Path]) -> None:
    address, token, log = jupyter
    here = f"{address}proxy/{urlsplit(page.base).port}/"
    code = is_used(page, f"{here}?token={token}")
    # Nothing that opens the page is in an address, and so in a log or a history.
    session = page.browser.execute_script("return Object.values(localStorage).join(' ')")
    assert session
    text = log.read_text()
    assert code not in text
    assert not any(word in text for word in session.split())
    assert code not in page.browser.current_url
    # By whatever name its users know the hub, they see the page; the API answers to nobody but by a name of this machine.
    hub = {"Authorization": f"token {token}"}
    assert ask(f"{here}pages/", "hub.example.org", **hub)[0] == 200
    status, _, text = ask(f"{here}api/v1/runs", "hub.example.org", **hub)
    assert (status, "The Host header does not name this service." in text) == (400, True)
    assert ask(f"{here}api/v1/runs", urlsplit(address).netloc, **hub)[0] == 401
    # When Jupyter has forgotten the browser, the page says what to do.
    page.base = f"{here}pages/"
    page.open("")
    page.browser.delete_all_cookies()
    page.press("/")
    page.press("far")
    page.until("return document.body.innerText.includes('asks for a login. Reload')")


def test_the_page_through_an_ssh_tunnel(page: Page, tunnel: str) -> None:
    assert urlsplit(tunnel).port != urlsplit(page.base).port
    is_used(page, tunnel)
    assert ask(f"{tunnel}api/v1/runs", urlsplit(tunnel).netloc)[0] == 401
    assert ask(f"{tunnel}api/v1/runs", "evil.example.org")[0] == 400
