"""The life of a run on its node, from the claim to ``exit.json``."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any, Dict, List, Optional, Tuple

from trainshed.data import folder
from trainshed.errors import EnvironmentBuildException, TrainshedError
from trainshed.hosts import process
from trainshed.launchers.plan import plan
from trainshed.node import script, variables
from trainshed.node.code import materialise
from trainshed.node.datasets import Datasets
from trainshed.node.diary import Diary
from trainshed.node.environment import Ready, make_ready
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.run import DataSpec, RunSpec


class Cancelled(BaseException):
    """The service asked for the end while the run was still being prepared."""


def main(run_dir: str) -> int:
    """Hold one run: claim it, prepare, start the script, wait, write how it ended.

    Args:
        run_dir: absolute path of the run directory, with its ``spec.json``.

    Returns:
        Exit code of the shim: 0 when ``exit.json`` is written, 3 when another shim has the run.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _cancel_preparation)
    diary = Diary(run_dir)
    _let_go_of_parent(run_dir)
    if not diary.claim():
        return 3
    diary.close(_hold(diary))
    return 0


def _hold(diary: Diary) -> Dict[str, Any]:
    """Live the run; whatever goes wrong becomes how it ended."""
    marker = f"TRAINSHED_RUN_ID={os.path.basename(diary.run_dir)}"
    try:
        process.become_subreaper()
        return Holder(diary, marker).live()
    except Cancelled:
        script.Watch(marker).end_family(5.0)
        return {"outcome": "canceled", "reason": "canceled_by_user", "message": "Cancelled while being prepared."}
    except TrainshedError as error:
        script.Watch(marker).end_family(5.0)
        return _failure(error)
    except Exception as error:  # noqa: BLE001 - the runtime wrapper: a run must always be told how it ended
        script.Watch(marker).end_family(5.0)
        trace = traceback.format_exc()
        sys.stderr.write(trace)
        message = f"The run could not be started: {type(error).__name__}: {error}"
        return {"outcome": "failed", "reason": "start_failed", "message": message, "trace": trace}


def _let_go_of_parent(run_dir: str) -> None:
    """Have our own words go to the run directory, and nothing come from whoever started us."""
    os.chdir(run_dir)
    log = os.open("shim.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, fd in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, fd)
    os.close(log)
    os.close(null)


def _failure(error: TrainshedError) -> Dict[str, Any]:
    built = isinstance(error, EnvironmentBuildException)
    reason = "env_build_failed" if built else str(error.details.get("reason", "start_failed"))
    return {"outcome": "failed", "reason": reason, "message": error.message, "details": error.details}


def _cancel_preparation(*_: object) -> None:
    raise Cancelled


class Holder:
    """One run on this node.

    Args:
        diary: where its records go.
        marker: ``NAME=value`` in the environment of every process of the run.
    """

    def __init__(self, diary: Diary, marker: str) -> None:
        self.diary = diary
        self.marker = marker
        self.run_dir = diary.run_dir
        self.code_dir = os.path.join(self.run_dir, layout.CODE)
        with open(os.path.join(self.run_dir, layout.SPEC), encoding="utf-8") as file:
            record = json.load(file)
        self.run_id: str = record["run_id"]
        self.place: Dict[str, Any] = record["place"]
        self.spec: RunSpec = from_json(RunSpec, record["spec"])
        stores = self.place["datastores"]
        self.datasets = Datasets(self.spec, self.run_id, stores, self.run_dir, self.code_dir)

    def live(self) -> Dict[str, Any]:
        """Prepare, run, clean up.

        Returns:
            The content of ``exit.json``.
        """
        if self.diary.cancel_wished():
            raise Cancelled
        self.diary.enter("Preparing")
        log = self._make_folders()
        materialise(self.place["snapshots"], self.spec.snapshot, self.code_dir)
        for name in ("outputs", "logs"):
            os.makedirs(os.path.join(self.code_dir, name), exist_ok=True)
        references = {item.name: self._attach(item) for item in self.spec.data}
        os.environ["TRAINSHED_RUN_ID"] = self.run_id  # marks what the preparation starts, too
        self.datasets.attach()
        ready = make_ready(self.spec.environment, self.place, os.path.join(self.run_dir, layout.BUILD_LOG))
        environ = self._environ(ready, references)
        ending = self._run(ready, environ, log)
        if ending.cause == "itself" and ending.code == 0:
            for item in self.spec.data:
                folder.detach(item, self._store(item), self.run_dir, self.code_dir)
            self.datasets.detach()
        return {**_verdict(ending, self.spec), "environment": ready.facts, "warnings": list(ready.notes)}

    def _make_folders(self) -> str:
        for name in ("azureml-logs", "user_logs"):
            os.makedirs(os.path.join(self.run_dir, name), exist_ok=True)
        log = os.path.join(self.run_dir, layout.DRIVER_LOG)
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        second = os.path.join(self.run_dir, layout.STD_LOG)
        if not os.path.exists(second):
            os.link(log, second)
        return log

    def _store(self, item: DataSpec) -> Dict[str, str]:
        store: Dict[str, str] = self.place["datastores"][item.datastore]
        return store

    def _attach(self, item: DataSpec) -> str:
        try:
            return folder.attach(item, self._store(item), self.run_dir, self.code_dir)
        except (OSError, TrainshedError) as error:
            raise TrainshedError(
                f"Data reference '{item.name}' could not be made ready: {error}", {"reason": "data_failed"}
            ) from error

    def _environ(self, ready: Ready, references: Dict[str, str]) -> Dict[str, str]:
        return variables.merge(
            variables.inherited(os.environ),
            variables.standard(self.run_id, self.spec, self.run_dir, self.place),
            {f"AZUREML_DATAREFERENCE_{name}": path for name, path in references.items()},
            {"AZUREML_CONDA_ENVIRONMENT_PATH": os.path.dirname(os.path.dirname(ready.python))},
            self.datasets.variables,
            ready.variables,
            self.spec.environment_variables,
            {"PYTHONPATH": variables.python_path(self.place["runtime"], self.spec.environment_variables)},
        )

    def _run(self, ready: Ready, environ: Dict[str, str], log: str) -> script.Ending:
        watch = script.Watch(self.marker)
        watch.cancelled = self.diary.cancel_wished()
        pids: List[int] = []
        if not watch.cancelled:
            for part in plan(self.spec.launcher, self._argv(ready)):
                whole = variables.merge(environ, part.variables)
                pids.append(script.start(variables.expand(part.argv, whole), whole, self.code_dir, log))
            self.diary.enter("Running", pids=pids)
        return script.wait(watch, pids, self.spec.max_run_duration_seconds, self.spec.grace_seconds)

    def _argv(self, ready: Ready) -> Tuple[str, ...]:
        arguments = self.datasets.arguments(self.spec.arguments)
        if self.spec.command:
            return self.datasets.arguments(self.spec.command) + arguments
        return (ready.python, str(self.spec.script), *arguments)


def _verdict(ending: script.Ending, spec: RunSpec) -> Dict[str, Any]:
    how: Dict[str, Any] = {"exit_code": ending.code, "signal": ending.number, "leftovers": ending.leftovers}
    if ending.cause == "cancel":
        return {**how, "outcome": "canceled", "reason": "canceled_by_user", "message": "Cancelled."}
    if ending.cause == "time_limit":
        limit = spec.max_run_duration_seconds
        message = f"The run was ended at its limit of {limit} s (max_run_duration_seconds)."
        return {**how, "outcome": "failed", "reason": "time_limit", "message": message}
    if ending.number is not None:
        message = f"The script was ended by {_signal_name(ending.number)}."
        return {**how, "outcome": "failed", "reason": "signal", "message": message}
    if ending.code:
        message = f"The script ended with exit code {ending.code}."
        return {**how, "outcome": "failed", "reason": "exit", "message": message}
    return {**how, "outcome": "completed", "reason": "exit", "message": ""}


def _signal_name(number: Optional[int]) -> str:
    try:
        return f"signal {number} ({signal.Signals(int(number or 0)).name})"
    except ValueError:
        return f"signal {number}"
