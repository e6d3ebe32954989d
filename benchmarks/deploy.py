"""One scikit-learn model behind a web service: ours, MLflow's, BentoML's and LitServe's, one process each.

python benchmarks/deploy.py --rounds 3 --seconds 5 --envs /tmp/peers

Per server: requests a second with 8 connections and with 1, each of which sends its next request once the last one
is answered; the 50th percentile of a request with 1; seconds from the start to the first answer, less those that the
model's own imports take in the same Python; memory of all its processes (PSS), after the load; the same with
Trainshed's own service, which a web service does not need to answer, and which is one for all of them. The servers are
started one after the other in each round; the medians are shown.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from peers import QUIET, python_of
from table import machine

CLIENTS = Path(__file__).parent / "clients"
ROW = [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0] * 8
TRAIN = """
import pickle, sys
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
data, target = load_digits(return_X_y=True)
with open(sys.argv[1], "wb") as file:
    pickle.dump(LogisticRegression(max_iter=200).fit(data, target), file)
"""
IMPORTS = "import pickle, sys\nwith open(sys.argv[1], 'rb') as file: pickle.load(file).predict([[0.0] * 64])"
MLFLOW = (
    "import mlflow.sklearn, pickle, sys\nmlflow.sklearn.save_model(pickle.load(open(sys.argv[1], 'rb')), sys.argv[2])"
)
SCORE = """
import json, pickle
from azureml.core.model import Model

def init():
    global model
    with open(Model.get_model_path("digits"), "rb") as file:
        model = pickle.load(file)

def run(data):
    return model.predict(json.loads(data)["data"]).tolist()
"""
OURS, PLAIN = "trainshed", "trainshed, echo"
ENVIRONMENTS = {
    OURS: "served",
    PLAIN: "served",
    "mlflow": "mlflow_models",
    "bentoml": "bentoml",
    "litserve": "litserve",
}


class Served(NamedTuple):
    """A server that answers."""

    port: int
    path: str
    body: bytes
    first: float
    processes: list[int]
    ours: tuple[int, ...] = ()
    """Trainshed's own service."""


def main() -> None:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--only", nargs="*", choices=list(ENVIRONMENTS), default=list(ENVIRONMENTS))
    options = parser.parse_args()
    figures: dict[str, list[list[float]]] = {name: [] for name in options.only}
    with tempfile.TemporaryDirectory(prefix="bench-deploy-") as name:
        for _ in range(options.rounds):
            for server in options.only:
                figures[server].append(measure(server, Path(name), options.envs, options.seconds))
                print(server, *(f"{figure:.2f}" for figure in figures[server][-1]), file=sys.stderr, flush=True)
    print(
        f"{machine()}\n\n| | requests/s, 8 | requests/s, 1 | p50, ms | first answer, s | memory, MB | with ours, MB |"
    )
    print("|---" * 7 + "|")
    for server, rounds in figures.items():
        rate, alone, p50, first, memory, whole = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {server} | {rate:,.0f} | {alone:,.0f} | {p50:.2f} | {first:.2f} | {memory:.0f} | {whole:.0f} |")


def measure(server: str, folder: Path, envs: Path, seconds: float) -> list[float]:
    """Start a server, load it, and return its figures."""
    python = python_of(ENVIRONMENTS[server], envs)
    model = folder / f"{ENVIRONMENTS[server]}.pkl"
    if not model.exists():
        subprocess.run([python, "-c", TRAIN, model], check=True)
    imports = min(timed([python, "-c", IMPORTS, str(model)]) for _ in range(3))
    starting = ours if server in (OURS, PLAIN) else peer
    with starting(server, python, model, folder) as served:
        load(served, 8, 1.0)
        alone, p50 = load(served, 1, seconds)
        rate, _ = load(served, 8, seconds)
        own = family(served.processes)
        memory, whole = (sum(pss(pid) for pid in each) for each in (own, family([*own, *served.ours])))
    return [rate, alone, 1000 * p50, served.first - (0.0 if server == PLAIN else imports), memory, whole]


def timed(argv: list[str | Path]) -> float:
    """Return how long a command takes."""
    began = time.perf_counter()
    subprocess.run(argv, check=True)
    return time.perf_counter() - began


@contextlib.contextmanager
def ours(server: str, python: Path, model: Path, folder: Path) -> Iterator[Served]:
    """Deploy the model, and delete the service afterwards."""
    from trainshed import Environment, Model, Workspace
    from trainshed.api.deployment.inference_config import InferenceConfig
    from trainshed.client.stopping import stop

    os.environ["TRAINSHED_HOME"] = str(folder / "home")
    (folder / "score.py").write_text("def run(data):\n    return data\n" if server == PLAIN else SCORE)
    workspace = Workspace.create("bench", exist_ok=True)
    models = [] if server == PLAIN else [Model.register(workspace, str(model), "digits")]
    environment = Environment("served")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = str(python)
    began = time.perf_counter()
    config = InferenceConfig(str(folder / "score.py"), environment=environment)
    service = Model.deploy(workspace, "digits", models, config)
    body = json.dumps({"data": [ROW]}).encode()
    path = service.scoring_uri.partition(str(service.port))[2]
    first = until_answered(service.port, path, body, began)
    run = workspace.get_run(service.run_id)
    places = (Path(workspace.path) / "runs" / run.id / "shim.json", Path(workspace.path) / "service.json")
    shim, daemon = (json.loads(place.read_text())["pid"] for place in places)
    try:
        yield Served(service.port, path, body, first, [shim], (daemon,))
    finally:
        service.delete()
        stop(str(workspace.path))


@contextlib.contextmanager
def peer(server: str, python: Path, model: Path, folder: Path) -> Iterator[Served]:
    """Start a peer's server, and end it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, **QUIET, "BENTOML_DO_NOT_TRACK": "true", "MODEL": str(model), "PORT": str(port)}
    environ["PATH"] = f"{python.parent}{os.pathsep}{environ['PATH']}"
    if server == "mlflow":
        saved = folder / "mlflow"
        if not saved.exists():
            subprocess.run([python, "-c", MLFLOW, model, saved], check=True, env=environ, stderr=subprocess.DEVNULL)
        argv = ["mlflow", "models", "serve", "-m", saved, "-p", str(port), "-w", "1", "--env-manager", "local"]
        path, body = "/invocations", {"inputs": [ROW]}
    elif server == "bentoml":
        argv = ["-m", "bentoml", "serve", "bentoml_server:Digits", "--port", str(port), "--host", "127.0.0.1"]
        argv, path, body = [python, *argv], "/predict", {"data": [ROW]}
    else:
        argv, path, body = [python, CLIENTS / "litserve_server.py"], "/predict", {"data": [ROW]}
    text = json.dumps(body).encode()
    with (folder / f"{server}.log").open("ab") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(each) for each in argv], cwd=CLIENTS, env=environ, stdout=log, stderr=log, start_new_session=True
        )
        try:
            first = until_answered(port, path, text, began)
            yield Served(port, path, text, first, [process.pid])
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def request(path: str, body: bytes) -> bytes:
    """Return a request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def until_answered(port: int, path: str, body: bytes, began: float) -> float:
    """Return the seconds until the first request is answered well."""
    while True:
        with contextlib.suppress(OSError, ValueError), socket.create_connection(("127.0.0.1", port), 30) as line:
            line.sendall(request(path, body))
            if line.recv(1 << 16).startswith(b"HTTP/1.1 200"):
                return time.perf_counter() - began
        if time.perf_counter() - began > 120:
            raise SystemExit(f"nothing answers at port {port}")
        time.sleep(0.01)


def load(served: Served, connections: int, seconds: float) -> tuple[float, float]:
    """Send requests on all connections; return how many were answered a second, and the 50th percentile."""
    text, selector, times = request(served.path, served.body), selectors.DefaultSelector(), []
    sent: dict[socket.socket, float] = {}
    got: dict[socket.socket, bytes] = {}
    for _ in range(connections):
        line = socket.create_connection(("127.0.0.1", served.port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line, selectors.EVENT_READ)
        sent[line], got[line] = time.perf_counter(), b""
        line.sendall(text)
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        for key, _ in selector.select(1.0):
            line = key.fileobj
            assert isinstance(line, socket.socket)
            got[line] += line.recv(1 << 16)
            if is_whole(got[line]):
                now = time.perf_counter()
                times.append(now - sent[line])
                sent[line], got[line] = now, b""
                line.sendall(text)
    took = now - began
    for line in sent:
        line.close()
    return len(times) / took, statistics.median(times)


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer has arrived; it must be a good one."""
    head, empty, body = answer.partition(b"\r\n\r\n")
    if not empty:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"not answered: {answer[:500]!r}")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return len(body) >= int(length)


def family(pids: list[int]) -> list[int]:
    """Return processes with all their descendants, each once."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found = list(dict.fromkeys(pids))
    for pid in found:
        found += [child for child in children.get(pid, []) if child not in found]
    return found


def pss(pid: int) -> float:
    """Return the megabytes of a process; those that it shares with others are shared out among them."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
