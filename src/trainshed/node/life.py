"""The life of a run on its node, from the claim to ``exit.json``."""

from __future__ import annotations

import os
import time

from trainshed.errors import TYPE_CHECKING, EnvironmentBuildException, TrainshedError
from trainshed.node import full_disk, notice, script, secret_files, slurm, variables
from trainshed.node.code import LateCheck, stage
from trainshed.node.environment import Ready, make_ready
from trainshed.node.exit_record import blame_disk, exit_record, terminated
from trainshed.node.exit_room import NO_ROOM
from trainshed.node.launch import Launch
from trainshed.node.layers import merge
from trainshed.node.logs import make_log
from trainshed.node.mlflow_door import URI, MlflowDoor
from trainshed.node.nodes import NodeFolder
from trainshed.node.pool import RANK_OF, part_of
from trainshed.node.ranks import Ranks
from trainshed.node.resources import FarSampler, GpuSampler, Sampler, given
from trainshed.node.run_state import RunState, say
from trainshed.node.start import Start
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.system import confined, process, signals

if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Set, Tuple, Union

    from trainshed.node.run_container import RunContainer
    from trainshed.node.slurm_agents import SlurmAgents


_LARGEST_SPEC = 64 << 20


class Cancelled(BaseException):
    """The run was cancelled while it was still being prepared."""


def main(run_dir: str, group: str = "", agents: Optional[SlurmAgents] = None) -> int:
    """Supervise one run: claim it, prepare it, start the script, wait, record how it ended.

    Args:
        run_dir: absolute path of the run directory, with its ``spec.json``.
        group: folder of this process's control group, if it has one of its own.
        agents: the rank agents of the run's nodes, if these are several machines, which are then its nodes.

    Returns:
        Exit code of the shim: 0 when ``exit.json`` is written, 3 when another shim has the run, 4 when it cannot be
        claimed.
    """
    signals.signal(signals.SIGHUP, signals.SIG_IGN)
    signals.signal(signals.SIGINT, signals.SIG_IGN)
    signals.signal(signals.SIGTERM, _cancel_preparation)
    signals.pthread_sigmask(signals.SIG_BLOCK, {signals.SIGTERM})  # until the run is claimed, and its end can be told
    os.environ.pop(process.SERVES, None)  # marks the service and this process, not what belongs to the run
    state = RunState(run_dir)
    _let_go_of_parent(run_dir)
    try:
        if not state.claim(group):
            return 3
    except OSError as error:
        say(f"The run could not be claimed: {error}. Free what is short and submit it again.")
        return 4
    how = _hold(state, agents)
    secret_files.forget(run_dir)
    state.close(how)
    return 0


def _hold(state: RunState, agents: Optional[SlurmAgents]) -> Dict[str, Any]:
    """Run all phases; any error becomes the run's end."""
    marker = f"TRAINSHED_RUN_ID={os.path.basename(state.run_dir)}"
    try:
        signals.pthread_sigmask(signals.SIG_UNBLOCK, {signals.SIGTERM})
        return Holder(state, marker, agents).live()
    except Cancelled:
        _end_family(marker, agents)
        return terminated(state.cancel_requested())
    except TrainshedError as error:
        _end_family(marker, agents)
        return _failure(error)
    except Exception as error:  # noqa: BLE001 - the runtime wrapper: a run must always be told how it ended
        _end_family(marker, agents)
        trace = _trace(error)
        say(trace)
        if state.noted:
            warning = f"After the script had ended: {type(error).__name__}: {error}"
            return {**state.noted, "witness": "shim", "warnings": [warning]}
        message = f"The run could not be started: {type(error).__name__}: {error}"
        reason = "disk_full" if isinstance(error, OSError) and error.errno in NO_ROOM else "start_failed"
        return {"outcome": "failed", "reason": reason, "message": message, "trace": trace}


def _end_family(marker: str, agents: Optional[SlurmAgents]) -> None:
    if agents is not None:
        agents.dismiss()
    script.Watch(marker).end_family(5.0)


def _trace(error: Exception) -> str:
    try:
        import traceback  # only here: a job of Slurm waits for each import, and this one brings ten

        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except (ImportError, OSError, MemoryError):
        return repr(error)  # what this error is about, such as open files, may prevent the import


def _let_go_of_parent(run_dir: str) -> None:
    """Redirect our own output to the run directory and detach from the parent's input."""
    os.chdir(run_dir)
    try:
        log = confined.open_to_append(run_dir, layout.SHIM_LOG)
    except OSError:
        log = os.open(os.devnull, os.O_WRONLY)
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
    signals.signal(signals.SIGTERM, signals.SIG_IGN)  # a second request may arrive while the first is being handled
    raise Cancelled


class Holder:
    """Supervises one run on this node.

    Args:
        state: the run's state files.
        marker: ``NAME=value`` in the environment of every process of the run.
        agents: as for :func:`main`.
    """

    def __init__(self, state: RunState, marker: str, agents: Optional[SlurmAgents] = None) -> None:
        self.state = state
        self.agents = agents
        self.marker = marker
        self.run_dir = state.run_dir
        record = confined.json_inside(self.run_dir, layout.SPEC, _LARGEST_SPEC)
        if not {"run_id", "node_context", "spec"} <= set(record):
            raise TrainshedError(f"'{layout.SPEC}' in the run directory was damaged. Submit the run again.")
        self.run_id: str = record["run_id"]
        self.node_context: Dict[str, Any] = {**record["node_context"], "hosts": agents.hosts if agents else ()}
        self.spec: RunSpec = from_json(RunSpec, secret_files.whole(self.run_dir, record))
        self._check: Optional[LateCheck] = None
        self._door: Optional[MlflowDoor] = None
        self.container = self._make_container()
        self.pool = part_of(self.run_dir, self.node_context)
        number = self.pool.node if self.pool else 0
        self.nodes = [
            NodeFolder(index, self.spec, self.node_context, self.run_id, self.run_dir, number)
            for index in range(1 if self.pool else self.spec.node_count)
        ]

    def _processes(self) -> Set[int]:
        return process.family(os.getpid(), self.marker)

    def _make_container(self) -> Optional[RunContainer]:
        if self.spec.container is None:
            process.become_subreaper()
            return None
        # An engine waits until its own orphans are gone, and a subreaper would adopt them;
        # in the container, the init process inherits orphans.
        from trainshed.node.run_container import RunContainer  # not needed by most runs

        return RunContainer(self.spec, self.node_context, self.run_dir, self.run_id)

    def live(self) -> Dict[str, Any]:
        """Prepare, run, clean up.

        Returns:
            The content of ``exit.json``.
        """
        if self.state.cancel_requested():
            raise Cancelled
        self.state.enter("Preparing")
        self._make_folders()
        for staged in self.node_context.get("staged", ()):
            stage(self.node_context["snapshots"], staged["tree"], os.path.join(self.run_dir, staged["into"]))
        for node in self.nodes:
            self._check = node.lay()  # they all have the same source
        os.environ["TRAINSHED_RUN_ID"] = self.run_id  # also marks processes started during the preparation
        ready = self._make_ready()
        environ = self._environ(ready)
        start = Launch(self.spec, self.node_context, self.run_dir, self.nodes, ready, environ, self.container).start()
        result = self._run(start)
        if self._check is not None:
            self._check.end()
        if start.ranks is not None:
            start.ranks.clear()
        how = self._how(result, start.ranks)
        how = {
            **how,
            "attempt": int(os.environ.get(slurm.ATTEMPT, "1")),
            "environment": ready.facts,
            "warnings": [*ready.notes, *start.notes, *how.get("warnings", ())],
        }
        how = blame_disk(how, full_disk.sentence(self.run_dir))
        if result.cause == "itself" and result.code == 0:
            for node in self.nodes:
                node.detach()
        return how

    def _how(self, result: script.ProcessResult, ranks: Optional[Ranks]) -> Dict[str, Any]:
        return notice.explained(exit_record(result, self.spec, ranks, self.state.cancel_requested()), self.run_dir)

    def _note(self, result: script.ProcessResult, ranks: Optional[Ranks]) -> None:
        """Note how the script ended, in case this process is killed before it has recorded it."""
        how = self._how(result, ranks)
        copies = self.spec.outputs or any(item.mode == "upload" for item in self.spec.data)
        if how["outcome"] == "completed" and copies:
            message = "The script exited with exit code 0, but its outputs could not be copied to their datastores."
            how.update(outcome="failed", reason="upload_failed", message=message)
        self.state.note(how)

    def _make_ready(self) -> Ready:
        if self.container is not None:
            return self.container.make_ready(self.spec.environment)
        return make_ready(self.spec.environment, self.node_context, os.path.join(self.run_dir, layout.BUILD_LOG))

    def _make_folders(self) -> None:
        make_log(self.run_dir, layout.DRIVER_LOG, layout.STD_LOG)

    def _environ(self, ready: Ready) -> Dict[str, str]:
        environ = merge(
            variables.inherited(os.environ) if self.container is None else self.container.variables,
            variables.standard(self.run_id, self.spec, self.run_dir, self.node_context),
            {"AZUREML_CONDA_ENVIRONMENT_PATH": os.path.dirname(os.path.dirname(ready.python))},
            ready.variables,
            self.spec.environment_variables,
            {"PYTHONPATH": variables.python_path(self.node_context["runtime"], self.spec)},
            {"TRAINSHED_ATTEMPT": os.environ.get(slurm.ATTEMPT, "1")},
            {"TRAINSHED_RUN_ID": self.run_id},  # by it and without the other its processes are found
        )
        environ.pop(process.SERVES, None)
        if URI not in environ:  # else the user's script logs to a server of the user's own
            self._door = self._made_door()
            environ = merge(self._door.variables if self._door else {}, environ)
        return environ

    def _made_door(self) -> Optional[MlflowDoor]:
        try:
            return MlflowDoor(self.run_id, self.spec.experiment, self.run_dir)
        except OSError as error:
            say(f"MLflow cannot log to this run: {error}.")
            return None

    def _open_door(self) -> None:
        """Start the server of MLflow's clients; it is no process of the run, and outlives a SIGTERM to them."""
        environ = merge(
            variables.inherited(os.environ),
            variables.standard(self.run_id, self.spec, self.run_dir, self.node_context),
            {"PYTHONPATH": self.node_context["runtime"], process.SERVES: self.run_id},
        )
        try:
            assert self._door is not None
            self._door.answer(environ)
        except OSError as error:
            say(f"MLflow cannot log to this run: {error}.")

    def _run(self, start: Start) -> script.ProcessResult:
        watch = script.Watch(self.marker)
        watch.cancelled = self.state.cancel_requested()
        if self._door is not None:
            watch.guard(self._door, self._open_door)
        pids = self._begin(watch, start)
        if self.container is not None and pids:
            result = self.container.wait(watch, pids[0])
            watch.shut()
            self._note(result, start.ranks)
            return result
        limit, ranks = self.spec.max_run_duration_seconds, start.ranks
        sampler = self._sampler(watch, ranks)
        result = script.wait(watch, pids, limit, self.spec.grace, lambda result: self._note(result, ranks), sampler)
        if watch.apart and self.pool and self.pool.told_to_end and result.cause == "cancel":
            result.cause = "itself"  # the failure may be that of a rank here, which mpirun alone has noticed
        if watch.apart and not self.pool and (result.cause != "itself" or result.code != 0):
            slurm.end(self.marker, 1.0)
        return result

    def _begin(self, watch: script.Watch, start: Start) -> List[int]:
        """Start the processes of the run, and return their pids; none if it has been cancelled."""
        pids: List[int] = []
        if watch.cancelled:
            if self.agents is not None:
                self.agents.dismiss()
            return pids
        if self.container is not None:
            start = self.container.start(start, self._elsewhere(), self.pool.node if self.pool else None)
        elif start.ranks:
            watch.listen(start.ranks.events)
        pids += self._with_agents(watch, start)
        if start.argv:
            pids.append(script.start(start.argv, start.environ, start.folder, start.log, self._ends(watch, start)))
        if start.agent:
            pids.append(script.start(start.agent, start.environ, start.folder, start.log))
        self.state.enter("Running", pids=pids)
        watch.news = notice.Notice(self.run_dir, lambda: self._pass_on(watch, pids, start)).look
        if self._check is not None:
            self._check.begin(lambda: process.end(self._processes, self.spec.grace, time.sleep))
        return pids

    def _with_agents(self, watch: script.Watch, start: Start) -> List[int]:
        """Have the agents on the job's nodes begin, and return the pid of what has started them, if there are any."""
        if self.agents is None:
            return []
        if not start.waiting:
            self.agents.dismiss()
            return []
        watch.apart = True
        watch.hold(self.agents.let_go)
        return [self.agents.go(start.environ, bool(start.argv))]

    def _sampler(self, watch: script.Watch, ranks: Optional[Ranks]) -> Union[Sampler, FarSampler]:
        """Return what sees to it that the run's use of its machines is recorded."""
        if ranks and ranks.apart and not self.pool:
            return FarSampler(self.run_dir, ranks.events)
        gpus = given(self.spec.use_gpu, self.node_context, self.pool.node if self.pool else None)
        node = f"node-{self.pool.node}" if self.pool else ""
        return Sampler(self.run_dir, GpuSampler(gpus, watch.costs) if gpus else None, node)

    def _pass_on(self, watch: script.Watch, pids: List[int], start: Start) -> None:
        """Tell the processes of the run that it will soon be ended."""
        if watch.apart:
            slurm.warn(f"{RANK_OF}={self.run_id}", self.run_dir)
        else:
            notice.tell(self.run_dir, watch.family(), {*watch.agents, *(pids if start.ranks else ())})

    def _ends(self, watch: script.Watch, start: Start) -> Tuple[str, str]:
        """Return what the program that is started reads and writes, if its ranks are on several machines."""
        if start.ranks is None or not start.ranks.apart or start.waiting:
            return os.devnull, ""
        watch.apart = True
        if self.pool:
            watch.end_ranks = lambda grace: self._end_ranks(watch, grace)
            return os.devnull, "" if self.pool.node else start.ranks.events.path
        watch.end_ranks = lambda grace: slurm.end(f"{RANK_OF}={self.run_id}", grace)
        return os.devnull, start.ranks.events.path

    def _end_ranks(self, watch: script.Watch, grace: float) -> None:
        """End the ranks on this host, before mpirun or its daemon here, and have the other hosts end theirs."""
        if self.pool and not watch.cancelled:
            self.pool.tell_failure()
        process.end(lambda: process.family(None, f"{RANK_OF}={self.run_id}"), grace, watch.pause)

    def _elsewhere(self) -> List[str]:
        """Return the user's folders for data outside the run directory."""
        chosen = [item.path_on_compute for item in self.spec.data]
        chosen += [item.path_on_compute for item in self.spec.inputs]
        chosen += [output.source for output in self.spec.outputs]
        return [path for path in (os.path.expanduser(each) for each in chosen if each) if os.path.isabs(path)]
