"""The engine that hands runs to Slurm: each is a job in its queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from trainshed.machines.machine import ABSENT, ALIVE, ENDED, Observation
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.targets import slurm_states
from trainshed.targets.engine import Accepted, Job
from trainshed.targets.slurm_arrays import Arrays, job_id, job_name, native_id_of
from trainshed.targets.slurm_commands import SlurmCommands, Waiting
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
        self._arrays = Arrays(commands, _JOB)
        self._interval = poll_seconds
        self._jobs: dict[str, SlurmJob] = {}
        self._asked = float("-inf")
        self._allowed: set[str] = set()
        self._over: dict[str, float] = {}
        self._begun: set[str] = set()

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Put a job into Slurm's queue; it starts nothing of the run before its id is stored; see Engine.submit."""
        run = self._lay_out(job)
        with self._arrays.given():
            native_id = self._arrays.submit(run)
            taken = False
            try:
                taken = accepted(native_id)
            finally:
                if not taken:
                    self.machine.end([job.run_id])
                    self._commands.kill(job_id(native_id))
            if taken:
                self._allow(job.run_id, job_id(native_id))

    def expect(self, coming: Callable[[], int]) -> None:
        """Say how many runs have been given or are about to be: those that come together can be one array.

        Args:
            coming: returns their number.
        """
        self._arrays.coming = coming

    def _lay_out(self, job: Job) -> Waiting:
        context = job.record["node_context"]
        context.pop("gpu_note", None)  # Slurm gives the run its GPUs
        secret = {layout.SPEC_SECRET, layout.REGISTRY_SECRET} & set(job.private)  # the first attempt removes them
        context["requeue"] = 0 if secret else self._commands.options.get("requeue", 0)
        context["mpi"] = self._commands.options.get("mpi", "")
        command = self.machine.lay_out(job.run_id, job.record, job.private, _JOB)
        return Waiting(job.token, from_json(RunSpec, job.record["spec"]), command, context["requeue"])

    def _allow(self, run_id: str, job: str) -> None:
        self.machine.allow(run_id, job)
        self._allowed.add(job)

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        """Look at run directories, and at all jobs by one squeue; see :meth:`Engine.poll`."""
        seen = self.machine.look(list(native_ids))
        ids = {run_id: job_id(native_id) for run_id, native_id in native_ids.items()}
        # Ids begin anew where a cluster was installed anew, names do not.
        names = {run_id: job_name(native_id, _token(run_id)) for run_id, native_id in native_ids.items()}
        jobs = self._known(ids, seen)
        found = {}
        for run_id, own in ids.items():
            job = jobs.get(own)
            if job is None and own and _unclear(seen[run_id]):
                job = self._forgotten(own, seen[run_id])
            ours = job is not None and job.name in (names[run_id], "")
            found[run_id] = self._observed(run_id, own, seen[run_id], job if ours else None)
        return found

    def _forgotten(self, own: str, seen: Observation) -> SlurmJob | None:
        """Return a job that squeue has not listed: that it is missing there is no proof that it has ended."""
        job = self._commands.job(own)
        if job is not None and not job.name and seen.state != ABSENT:
            job = None  # a task that has begun is missing because it ended long ago
        return job or self._commands.accounted([own]).get(own)

    def _known(self, ids: Mapping[str, str], seen: Mapping[str, Observation]) -> dict[str, SlurmJob]:
        """Return the jobs of runs as squeue has them: now, if that may be news, else as they were a moment ago."""
        if not any(ids.values()):
            return {}
        late = False
        for run_id, own in ids.items():
            job = self._jobs.get(own)
            late = late or bool(own and (job is None or (job.goes_on and seen[run_id].state == ENDED)))
        return self._recent(late)

    def _recent(self, late: bool = False) -> dict[str, SlurmJob]:
        """Return all jobs as squeue had them a moment ago, or if that is too late has them now."""
        if late or time.monotonic() - self._asked >= self._interval:
            self._jobs = self._commands.queue()
            self._asked = time.monotonic()
        return self._jobs

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
        ids = [job_id(native_id) for native_id in native_ids.values() if native_id]
        for run_id in (run_id for run_id, native_id in native_ids.items() if not native_id):
            ids += [job.id for job in self._named(run_id, self._note(run_id)) if job.goes_on]
        if ids:
            tasks = [each for each in ids if "_" in each]
            jobs = self._recent() if tasks else {}
            self._commands.cancel(ids, {each for each in tasks if each in jobs and jobs[each].waits})
            self._asked = float("-inf")

    def find(self, token: str, /) -> str | None:
        """Return the id of the job with this name, if it may still start the run, or has; see :meth:`Engine.find`."""
        run_id = token.rpartition(".")[0]
        claimed, note = self.machine.look([run_id])[run_id].state != ABSENT, self._note(run_id)
        accepted = self._read(run_id, layout.ACCEPTED) if claimed else ""
        jobs = [] if accepted else self._named(run_id, note)
        job = accepted or next((job.id for job in reversed(jobs) if job.goes_on or claimed), None)
        return native_id_of(job, note) if job else None

    def _named(self, run_id: str, note: str) -> list[SlurmJob]:
        """Return the jobs that may be those of a run, by its name, and by its place in an array."""
        name, _, index = note.partition(" ")
        tasks = [job for job in self._commands.named(name) if job.id.endswith(f"_{index}")] if name else []
        return [*tasks, *self._commands.named(_token(run_id))]

    def _note(self, run_id: str) -> str:
        return self._read(run_id, layout.SLURM_ARRAY)

    def _read(self, run_id: str, name: str) -> str:
        return self.machine.read(run_id, [(name, 0, 256)])[0].decode(errors="replace")

    def close(self) -> None:
        """Let go of nothing: the machine is closed by whoever made it."""


def _token(run_id: str) -> str:
    return f"{run_id}.{_ATTEMPT}"


def _unclear(seen: Observation) -> bool:
    """Tell whether only Slurm can say how a run ended."""
    return seen.state not in (ALIVE, ENDED) or (seen.state == ENDED and slurm_states.may_be_corrected(seen.exit))
