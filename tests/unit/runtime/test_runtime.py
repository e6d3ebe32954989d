"""The runtime as a script has it: from its tree, in a process of its own, on every Python that is here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainshed.environments.interpreters import everything
from trainshed.runtime import values
from trainshed.runtime.journal import Journal

PYTHONS = {".".join(map(str, one.version[:2])): one.path for one in everything() if one.version >= (3, 6)}


def script(code: str, env: dict[str, str], python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    cwd = Path(env["TRAINSHED_RUN_DIR"]) / "code" if "TRAINSHED_RUN_DIR" in env else None
    return subprocess.run([python, "-c", code], env=env, cwd=cwd, capture_output=True, text=True, check=False)


def journal(env: dict[str, str]) -> list[dict[str, Any]]:
    lines = (Path(env["TRAINSHED_RUN_DIR"]) / "journal.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in lines if line]


TOUR = """
import io, os
from azureml.core import Run
from azureml.core.run import Run as Same
import azureml.telemetry
azureml.telemetry.set_diagnostics_collection(True)
import trainshed
assert trainshed.Run is Run is Same
run = Run.get_context()
assert run is Run.get_context() is Run.get_submitted_run()
assert (run.id, run.experiment.name, run.get_status()) == ("run-1", "exp", "Running")
os.chdir("/")
run.log("a", 1.5); run.log("a", 2, step=7); run.log("b", True); run.log("s", "text"); run.log("n", float("-inf"))
run.log_list("l", [1, float("nan")]); run.log_list("empty", [])
run.log_row("r", x=1, y="z"); run.log_table("t", {"c": [1, 2], "d": [3, 4]})
run.tag("k", 1); run.tag("bare"); run.remove_tags(["k"]); run.add_properties({"p": 1})
run.upload_file("plots/x.bin", io.BytesIO(b"stream"))
run.upload_file("outputs/y.bin", run.folder + "/artifacts/plots/x.bin")
class Plot:
    def savefig(self, stream, format): stream.write(b"png")
run.log_image("im/age", plot=Plot())
print(run.get_file_names())
with run: run.complete(); run.flush()
"""


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_tour(job: dict[str, str], version: str) -> None:
    if version not in PYTHONS:
        pytest.skip(f"there is no Python {version} on this machine: the runtime was NOT tested with it")
    done = script(TOUR, job, PYTHONS[version])
    assert done.returncode == 0, done.stderr
    events = [{key: value for key, value in event.items() if key != "t"} for event in journal(job)]
    image = events.pop()
    assert image["k"] == "image"
    assert image["v"].startswith("aml://artifactId/im_age_")
    assert events[:-1] == [
        {"k": "metric", "n": "a", "v": 1.5},
        {"k": "metric", "n": "a", "s": 7, "v": 2},
        {"k": "metric", "n": "b", "v": True},
        {"k": "metric", "n": "s", "v": "text"},
        {"k": "metric", "n": "n", "x": "-Infinity"},
        {"k": "list", "n": "l", "v": [1, {"$float": "NaN"}]},
        {"k": "row", "n": "r", "v": {"x": 1, "y": "z"}},
        {"k": "table", "n": "t", "v": {"c": [1, 2], "d": [3, 4]}},
        {"k": "tag", "n": "k", "v": "1"},
        {"k": "tag", "n": "bare", "v": None},
        {"k": "untag", "n": "k", "v": None},
        {"k": "property", "n": "p", "v": "1"},
        {"k": "file", "n": "plots/x.bin", "v": None},
        {"k": "file", "n": "outputs/y.bin", "v": None},
    ]
    run = Path(job["TRAINSHED_RUN_DIR"])
    assert (run / "code" / "outputs" / "y.bin").read_bytes() == b"stream"
    assert "['im_age_" in done.stdout
    assert "'outputs/y.bin', 'plots/x.bin']" in done.stdout


@pytest.mark.parametrize(
    "call",
    [
        "run.log('a', [1])",
        "run.log('a', range(3))",
        "run.log('', 1)",
        "run.log(3, 1)",
        "run.log_list('a', 'text')",
        "run.log_table('t', {'a': [1], 'b': [1, 2]})",
        "run.log_image('i')",
        "run.upload_file('../x', 'y')",
        "run.upload_file('/x', 'y')",
        "run.upload_file('x', '/no/such/file')",
        "run.add_properties({'p': 1}); run.add_properties({'p': 2})",
    ],
)
def test_mistakes_are_told(job: dict[str, str], call: str) -> None:
    """A program that logs to a run from outside gets an exception, a training script a warning in its log."""
    code = "from azureml.core import Run\nfrom azureml.exceptions import UserErrorException\nrun = Run.get_context()\n"
    strict = "run.strict = True\n"
    done = script(code + strict + f"try:\n    {call}\nexcept UserErrorException as error: print('told:', error)", job)
    assert done.stdout.startswith("told: "), done.stderr
    sentence = done.stdout[len("told: ") :].strip()
    done = script(f"{code}{call}\nprint('on')", job)
    assert done.stdout == "on\n", done.stderr
    assert sentence in done.stderr
    assert done.stderr.startswith("trainshed: ")


def test_numbers_of_libraries() -> None:
    class Scalar:
        def item(self) -> float:
            return 2.5

    class Number:
        def __float__(self) -> float:
            return 3.5

    class Fancy(float):
        def __repr__(self) -> str:
            return "fancy(1.5)"

    assert values.scalar(Scalar(), "m") == 2.5
    assert values.scalar(Number(), "m") == 3.5
    assert repr(values.scalar(Fancy(1.5), "m")) == "1.5"
    assert values.scalar(None, "m") == "None"


def test_trouble_with_the_disk_never_reaches_training(job: dict[str, str]) -> None:
    full = Path(job["TRAINSHED_RUN_DIR"]) / "journal.jsonl"
    full.symlink_to("/dev/full")
    done = script("from trainshed import Run\nfor i in range(5): Run.get_context().log('a', 1.0)\nprint('on')", job)
    assert done.stdout == "on\n"
    assert done.stderr.count("training continues") == 1


def test_descriptor_that_the_script_closed(job: dict[str, str]) -> None:
    code = "import os\nfrom trainshed import Run\nr = Run.get_context()\nr.log('a', 1)\nos.closerange(3, 100)\nr.log('a', 2)"
    assert script(code, job).returncode == 0
    assert [event["v"] for event in journal(job)] == [1, 2]


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"k":"metric","n":"to')
    Journal(str(path)).scalar("m", 1.0)
    assert json.loads(path.read_text().splitlines()[1])["v"] == 1.0


CROWD = """
import os, threading
from trainshed import Run
run = Run.get_context()
def work(who):
    for i in range(500): run.log(who, i)
children = [pid for pid in (os.fork() for _ in range(1))]
threads = [threading.Thread(target=work, args=(f"{os.getpid()}-{n}",)) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
if children != [0]: os.waitpid(children[0], 0)
"""


def test_threads_and_forks_tear_no_line(job: dict[str, str]) -> None:
    assert script(CROWD, job).returncode == 0
    events = journal(job)
    assert len(events) == 2 * 4 * 500
    for who in {event["n"] for event in events}:
        assert [event["v"] for event in events if event["n"] == who] == list(range(500))


def test_killed_script_keeps_what_it_logged(job: dict[str, str]) -> None:
    code = (
        "from trainshed import Run\nr = Run.get_context()\nfor i in range(10**6): r.log('a', i); print(i, flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], env=job, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(50)]
        os.kill(child.pid, signal.SIGKILL)
        said += [line for line in child.stdout if line.endswith("\n")]
    assert [event["v"] for event in journal(job)][: len(said)] == [int(line) for line in said]


OFFLINE = """
from azureml.core import Run
run = Run.get_context()
run.log("a", 1); run.log("a", 2.5); run.tag("k", "v"); run.upload_file("x.txt", __import__("sys").argv[0] or "/etc/hostname")
print(run.get_metrics(), run.tags, run.get_file_names(), run.id[:11], run.get_status(), run.parent, run.experiment.name)
try: Run.get_context(allow_offline=False)
except Exception as error: print(type(error).__name__, error)
"""


def test_offline(job: dict[str, str]) -> None:
    env = {"PYTHONPATH": job["PYTHONPATH"], "PATH": job["PATH"]}
    path = Path(job["TRAINSHED_RUN_DIR"]) / "offline.py"
    path.write_text(OFFLINE)
    done = subprocess.run([sys.executable, path], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Attempted to log scalar metric a:\n1\nAttempted to log scalar metric a:\n2.5\n")
    assert "{'a': [1, 2.5]} {'k': 'v'} ['x.txt'] OfflineRun_ Running None offline" in done.stdout
    assert "RunEnvironmentException" in done.stdout.splitlines()[-1]
