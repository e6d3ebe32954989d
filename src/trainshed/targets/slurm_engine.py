"""The engine that hands runs to Slurm: each is a job in its queue."""

from __future__ import annotations

import time
from collections.abc import Mapping

from trainshed.machines.machine import ABSENT, ALIVE, ENDED, Observation
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.targets import slurm_states
from trainshed.targets.engine import Accepted, Job
from trainshed.targets.slurm_commands import SlurmCommands
from trainshed.targets.slurm_states import SlurmJob

_JOB = "SLURM_JOB_ID"
_ATTEMPT = 1
_LATE_SECONDS = 120.0
"""How long the end of a run may take to be seen here after its job has ended well: shared file systems may be slow."""


class SlurmEngine:
    """The jobs of one target.

    What its run directory shows of a run is looked at each time; squeue is asked for all runs together, every few
    seconds, and when a run has ended.

    Args:
        commands: the cluster.
        patience: seconds without an answer after which nothing is known of its runs.
        poll_seconds: between two questions to squeue while nothing happens.
    """

    queues = True

    def __init__(self, commands: SlurmCommands, patience: float, poll_seconds: float) -> None:
        self.machine = commands.machine
        self.patience = patience
        self._commands = commands
        self._interval = poll_seconds
        self._jobs: dict[str, SlurmJob] = {}
        self._asked = float("-inf")
        self._allowed: set[str] = set()
        self._over: dict[str, float] = {}
        self._begun: set[str] = set()

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Put a job into Slurm's queue; it starts nothing of the run before its id is stored; see Engine.submit."""
        context = job.record["node_context"]
        context.pop("gpu_note", None)  # Slurm gives the run its GPUs
        secret = {layout.SPEC_SECRET, layout.REGISTRY_SECRET} & set(job.private)  # the first attempt removes them
        context["requeue"] = 0 if secret else self._commands.options.get("requeue", 0)
        command = self.machine.lay_out(job.run_id, job.record, job.private, _JOB)
        spec = from_json(RunSpec, job.record["spec"])
        log = f"{command.run_dir}/{layout.SHIM_LOG}"
        native_id = self._commands.submit(job.token, spec, log, command.argv, context["requeue"])
        taken = False
        try:
            taken = accepted(native_id)
        finally:
            if not taken:
                self.machine.end([job.run_id])
                self._commands.kill(native_id)
        if taken:
            self._allow(job.run_id, native_id)

    def _allow(self, run_id: str, native_id: str) -> None:
        self.machine.allow(run_id, native_id)
        self._allowed.add(native_id)

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        """Look at run directories, and at all jobs by one squeue; see :meth:`Engine.poll`."""
        seen = self.machine.look(list(native_ids))
        jobs = self._known(native_ids, seen)
        found = {}
        for run_id, native_id in native_ids.items():
            job = jobs.get(native_id)
            if job is None and native_id and _unclear(seen[run_id]):
                job = self._forgotten(run_id, native_id)
            found[run_id] = self._observed(run_id, native_id, seen[run_id], job)
        return found

    def _forgotten(self, run_id: str, native_id: str) -> SlurmJob | None:
        """Return a job that squeue has not listed: that it is missing there is no proof that it has ended."""
        job = self._commands.job(native_id)
        if job is not None:
            return job if job.name == f"{run_id}.{_ATTEMPT}" else None
        return self._commands.accounted([native_id]).get(native_id)

    def _known(self, native_ids: Mapping[str, str], seen: Mapping[str, Observation]) -> dict[str, SlurmJob]:
        """Return the jobs of runs as squeue has them: now, if that may be news, else as they were a moment ago."""
        if not any(native_ids.values()):
            return {}
        late = time.monotonic() - self._asked >= self._interval
        for run_id, native_id in native_ids.items():
            job = self._jobs.get(native_id)
            late = late or bool(native_id and (job is None or (job.goes_on and seen[run_id].state == ENDED)))
        if late:
            self._jobs = self._commands.queue()
            self._asked = time.monotonic()
        # Ids begin anew where a cluster was installed anew.
        ours = {native_id: f"{run_id}.{_ATTEMPT}" for run_id, native_id in native_ids.items()}
        return {each: job for each, job in self._jobs.items() if job.name == ours.get(each)}

    def _observed(self, run_id: str, native_id: str, seen: Observation, job: SlurmJob | None) -> Observation:
        if job is None:
            return slurm_states.gone(seen, native_id)
        if job.goes_on:
            if seen.state == ABSENT and native_id not in self._allowed:
                self._allow(run_id, native_id)  # an earlier service was interrupted here
            if not job.waits:
                self._begun.add(native_id)
            # What has begun and waits was requeued; of a run that goes on, that its job waits may be old news.
            waits = job.waits and (seen.state in (ABSENT, ENDED) or native_id in self._begun)
            return slurm_states.pending(job) if waits else Observation(ALIVE)
        if slurm_states.lives(seen, job):
            return Observation(ALIVE)
        if seen.state == ENDED:
            self._over.pop(run_id, None)
            return seen._replace(exit=slurm_states.corrected(seen.exit, job))
        return self._without_exit(run_id, seen, job)

    def _without_exit(self, run_id: str, seen: Observation, job: SlurmJob) -> Observation:
        """Return what is known of a run whose job is over, and whose exit.json is not to be seen here."""
        job = job if job.code is not None else self._commands.job(job.id) or job
        waited = time.monotonic() - self._over.setdefault(run_id, time.monotonic())
        if job.state == slurm_states.COMPLETED and seen.state != ABSENT and waited < _LATE_SECONDS:
            return Observation(ALIVE)  # by its exit code, exit.json is written
        self._over.pop(run_id, None)
        return slurm_states.without_exit(seen, job)

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        """Cancel jobs; the supervisors of those that run end them; see :meth:`Engine.cancel`."""
        self.machine.end(list(native_ids))
        ids = [native_id for native_id in native_ids.values() if native_id]
        for run_id in (run_id for run_id, native_id in native_ids.items() if not native_id):
            ids += [job.id for job in self._commands.named(f"{run_id}.{_ATTEMPT}") if job.goes_on]
        if ids:
            self._commands.cancel(ids)
            self._asked = float("-inf")

    def find(self, token: str, /) -> str | None:
        """Return the id of the job with this name, if it may still start the run, or has; see :meth:`Engine.find`."""
        run_id = token.rpartition(".")[0]
        claimed = self.machine.look([run_id])[run_id].state != ABSENT
        accepted = self.machine.read(run_id, [(layout.ACCEPTED, 0, 256)])[0].decode(errors="replace") if claimed else ""
        if accepted:
            return accepted
        return next((job.id for job in reversed(self._commands.named(token)) if job.goes_on or claimed), None)

    def close(self) -> None:
        """Let go of nothing: the machine is closed by whoever made it."""


def _unclear(seen: Observation) -> bool:
    """Tell whether only Slurm can say how a run ended."""
    return seen.state not in (ALIVE, ENDED) or (seen.state == ENDED and slurm_states.may_be_corrected(seen.exit))
