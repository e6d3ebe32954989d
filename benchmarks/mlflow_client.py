"""MLflow's own client with Trainshed's service and with `mlflow server` (SQLite), in turn: one metric, 10,000 runs.

python benchmarks/mlflow_client.py --rounds 5 --envs /tmp/peers

Both histories have the same runs, written into their databases beforehand: three metrics, four parameters and three
tags each. "Client" is what a user waits for. "HTTP" is the same request sent by http.client, with its answer read and
not parsed: what of that is the server's. The client's own work, above all turning JSON into protocol buffers and
these into objects, is the same with both, and bounds what a server can gain.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from contextlib import ExitStack, closing
from pathlib import Path

from peers import QUIET, python_of
from table import machine, table

COLUMNS = ["log_metric, client", "log_metric, HTTP", "all runs, client", "all runs, HTTP"]
FIRST = "all runs for the first time after the server's start, HTTP"
TRAINSHED = Path(sys.executable).with_name("trainshed")
NAME = "many"
CLIENT = """
import http.client, json, os, statistics, sys, time
from mlflow import MlflowClient
metrics, expected = int(sys.argv[1]), int(sys.argv[2])
client = MlflowClient()
experiment = client.get_experiment_by_name("many").experiment_id
other = client.get_experiment_by_name("logged")
other = other.experiment_id if other else client.create_experiment("logged")
run = client.create_run(other).info.run_id
token = {"Authorization": "Bearer " + os.environ.get("MLFLOW_TRACKING_TOKEN", ""), "Content-Type": "application/json"}
wire = http.client.HTTPConnection(os.environ["MLFLOW_TRACKING_URI"].partition("//")[2])

def post(route, body):
    wire.request("POST", "/api/2.0/mlflow/" + route, json.dumps(body), token)
    answer = wire.getresponse()
    told = answer.read()
    assert answer.status == 200, told[:500]
    return told

def timed(work, count):
    taken = []
    for number in range(count):
        begin = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e3

point = lambda step: {"run_id": run, "key": "raw", "value": step / 7, "timestamp": int(time.time() * 1e3), "step": step}
found, asked = [], {"experiment_ids": [experiment], "max_results": expected}
first = timed(lambda _: post("runs/search", asked), 1)
wire.close()  # servers end a connection that has been idle meanwhile
timed(lambda step: client.log_metric(run, "warm", step / 7, step=step), 20)
figures = [
    timed(lambda step: client.log_metric(run, "loss", step / 7, step=step), metrics),
    timed(lambda step: post("runs/log-metric", point(step)), metrics),
    timed(lambda _: found.append(client.search_runs([experiment], max_results=expected)), 1),
    wire.close() or  # as above
    timed(lambda _: post("runs/search", asked), 1),
]
assert len(found[0]) == expected, len(found[0])
client.set_terminated(run)
print(*figures, first)
"""


def runs(count: int) -> list[tuple[str, float, dict[str, float], dict[str, str], dict[str, str]]]:
    """Return what runs there are: id, seconds since the epoch, metrics, parameters, tags."""
    begun = time.time() - count * 60
    return [
        (
            uuid.UUID(int=number + (1 << 100)).hex,
            begun + number * 60,
            {"loss": 1 / (number + 1), "acc": number / count, "val/loss": number / 3},
            {"lr": str(number / count), "layers": str(number % 9), "optimizer": "adam", "batch_size": "64"},
            {"mlflow.user": "me", "mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL"},
        )
        for number in range(count)
    ]


def fill_ours(database: Path, count: int) -> None:
    """Write runs into the history of a workspace whose service is stopped."""
    with closing(sqlite3.connect(database)) as write, write:
        write.execute("INSERT INTO experiments (name, created, runs) VALUES (?, ?, ?)", (NAME, time.time(), count))
        for number, (run, begun, metrics, params, tags) in enumerate(runs(count), 1):
            properties = {f"mlflow.param.{key}": value for key, value in params.items()}
            made = {"id": run, "submit_id": run, "experiment": NAME, "number": number, "kind": "", "target": ""}
            made |= {"display_name": f"run-{number}", "status": "Completed", "terminal": 1, "reason": "exit"}
            made |= {"priority": 0, "created": begun, "started": begun, "ended": begun + 30}
            made |= {"tags": json.dumps(tags), "properties": json.dumps(properties)}
            columns = ", ".join(made)
            write.execute(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * len(made))})", list(made.values()))
            write.execute("INSERT INTO specs VALUES (?, '{}')", (run,))
            write.execute("INSERT INTO collected VALUES (?, 'journal.jsonl/direct', ?)", (run, len(metrics)))
            for key, value in metrics.items():
                row = (run, key, begun, value)
                sql = "INSERT INTO series (run, name, kind, plain, points, place, step, time, value) "
                series = write.execute(f"{sql} VALUES (?, ?, 'scalar', 1, 1, 0, 0, ?, ?)", row).lastrowid
                write.execute("INSERT INTO points VALUES (?, 0, 0, ?, ?)", (series, begun, value))


def fill_theirs(database: Path, count: int) -> None:
    """Write runs into MLflow's database before its server is started."""
    with closing(sqlite3.connect(database)) as write, write:
        about = ("many", "mlflow-artifacts:/1", "active", 0, 0)
        sql = "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time) "
        experiment = write.execute(f"{sql} VALUES (?, ?, ?, ?, ?)", about).lastrowid
        for run, begun, metrics, params, tags in runs(count):
            moment = int(begun * 1000)
            made = {
                "run_uuid": run,
                "name": f"run-{run[-5:]}",
                "source_type": "LOCAL",
                "source_name": "",
                "user_id": "me",
            }
            made |= {"entry_point_name": "", "status": "FINISHED", "start_time": moment, "end_time": moment + 30_000}
            made |= {"source_version": "", "lifecycle_stage": "active", "experiment_id": experiment}
            made |= {"artifact_uri": f"mlflow-artifacts:/1/{run}/artifacts"}
            columns = ", ".join(made)
            write.execute(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * len(made))})", list(made.values()))
            write.executemany(
                "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", [(*each, run) for each in params.items()]
            )
            named = {**tags, "mlflow.runName": made["name"]}
            write.executemany(
                "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(*each, run) for each in named.items()]
            )
            for kind in ("metrics", "latest_metrics"):
                sql = f"INSERT INTO {kind} (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, 0, 0, ?)"
                write.executemany(sql, [(key, value, moment, run) for key, value in metrics.items()])


def until_up(address: str) -> None:
    """Wait for a server of MLflow's."""
    for _ in range(3000):
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("mlflow server has not started")


def start_ours(folder: Path, count: int, stack: ExitStack) -> dict[str, str]:
    """Start the service, with its runs; return the variables of its clients."""
    env = {**os.environ, "TRAINSHED_HOME": str(folder)}

    def call(*words: str) -> str:
        return subprocess.run([TRAINSHED, *words], env=env, check=True, capture_output=True, text=True).stdout

    call("service", "start")
    call("service", "stop")
    fill_ours(folder / "workspaces" / "default" / "history.db", count)
    facts = json.loads(call("service", "access", "--mlflow", "--json"))
    stack.callback(call, "service", "stop")
    return {"MLFLOW_TRACKING_URI": facts["address"], "MLFLOW_TRACKING_TOKEN": facts["token"]}


def start_theirs(python: Path, folder: Path, count: int, port: int, stack: ExitStack) -> dict[str, str]:
    """Start MLflow's server as its documentation does, with the same runs; return the variables of its clients."""
    address = f"http://127.0.0.1:{port}"
    argv = [str(python), "-m", "mlflow", "server", "--port", str(port), "--host", "127.0.0.1"]
    store = f"sqlite:///{folder}/mlflow.db"
    argv += ["--backend-store-uri", store, "--artifacts-destination", f"{folder}/artifacts"]
    env = {**os.environ, **QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    subprocess.run(
        [python, "-m", "mlflow", "db", "upgrade", store], env=env, cwd=folder, check=True, capture_output=True
    )
    fill_theirs(folder / "mlflow.db", count)
    with open(folder / "server.log", "ab") as log:
        server = subprocess.Popen(argv, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    stack.callback(server.wait)
    stack.callback(os.killpg, server.pid, signal.SIGKILL)  # with its workers, which may take long to end by themselves
    until_up(address)
    return {"MLFLOW_TRACKING_URI": address, "MLFLOW_TRACKING_TOKEN": ""}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--metrics", type=int, default=200)
    parser.add_argument("--port", type=int, default=5917, help="port of MLflow's server")
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    options = parser.parse_args()
    python = python_of("mlflow", options.envs)
    figures: dict[str, list[list[float]]] = {name: [[] for _ in COLUMNS] for name in ("trainshed", "mlflow server")}
    first = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        for part in ("ours", "theirs"):
            (Path(folder) / part).mkdir()
        told = {
            "trainshed": start_ours(Path(folder) / "ours", options.runs, stack),
            "mlflow server": start_theirs(python, Path(folder) / "theirs", options.runs, options.port, stack),
        }
        for number in range(options.rounds + 1):
            for name, variables in told.items():
                argv = [str(python), "-c", CLIENT, str(options.metrics), str(options.runs)]
                env = {**os.environ, **QUIET, **variables}
                done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"{name} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
                *values, anew = map(float, done.stdout.splitlines()[-1].split())
                first.setdefault(name, anew)
                for column, value in zip(figures[name] if number else (), values, strict=False):
                    column.append(value)
    print(f"{machine()}\n")
    print(table(f"MLflow's client, {options.runs:,} runs", COLUMNS, figures, "trainshed", "ms"))
    for place, column in enumerate(COLUMNS):
        pairs = zip(figures["mlflow server"][place], figures["trainshed"][place], strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        print(f"{column}: mlflow server takes {ratio:.1f} times as long")
    ours, theirs = first["trainshed"], first["mlflow server"]
    print(f"{FIRST}: {ours:,.0f} and {theirs:,.0f} ms, so mlflow server takes {theirs / ours:.1f} times as long")


if __name__ == "__main__":
    main()
