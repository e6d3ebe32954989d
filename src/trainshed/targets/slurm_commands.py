"""The commands of Slurm: sbatch, squeue, scancel, scontrol and sacct, run on the machine that has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from trainshed.errors import MachineUnreachableException, ServiceException, UserErrorException
from trainshed.machines.machine import CompletedCommand, JobCommand, Machine
from trainshed.spec import layout
from trainshed.spec.run import RunSpec
from trainshed.targets.slurm_script import Directives, array_script, directives, script, unset
from trainshed.targets.slurm_states import (
    CANCELLED,
    FORMAT,
    NOT_SHARED,
    SlurmJob,
    not_usable,
    of_sacct,
    of_scontrol,
    of_squeue,
)

_SECONDS = 30.0
_TELLING_SECONDS = 20
_AT_ONCE = 500
"""Job ids on one command line."""
_FILTERS = tuple(
    f"SQUEUE_{name}"
    for name in ("ACCOUNT", "ARRAY", "LICENSES", "NAMES", "PARTITION", "QOS", "SORT", "STATES", "USERS")
)
"""What a user's environment must not take away from the answers of squeue."""
_AS_OF_NO_JOB = (
    # What the service has inherited from a job of its own would describe that job.
    'if [ -n "$SLURM_JOB_ID" ]; then '
    "for name in $(env | sed -n 's/^\\(SLURM_[A-Z0-9_]*\\)=.*/\\1/p'); do "
    '[ "$name" = SLURM_CONF ] || unset "$name"; done; fi; export LC_ALL=C; '
)
_SUBMIT = f'{_AS_OF_NO_JOB}exec sbatch --parsable "$@"'
_PROVE = f'{_AS_OF_NO_JOB}exec srun --immediate=5 --quiet "$@"'
_LOOK = f'[ -d "$1" ] || exit {NOT_SHARED}; exec "$2" -S -E -c ""'
_NOTE = (
    # Before the array is submitted, so that a task whose answer was lost can be found.
    'n=0; while IFS= read -r path; do printf "%s %s" "$1" "$n" >"$path/$2.part" && mv "$path/$2.part" "$path/$2" '
    "|| exit 1; n=$((n+1)); done"
)
_PROVEN = ("chdir", "nodes", "partition", "account", "qos", "constraint", "reservation", "time")
_PASSING = (
    "Unable to contact", "Socket timed out", "connect failure", "Zero Bytes", "Connection refused", "Connection reset",
    "Connection timed out", "temporarily unable", "temporarily unavailable", "Unexpected message received",
    "Communication connection failure", "Transport endpoint", "controller in standby", "configuration source",
)  # fmt: skip
"""Words of errors that say nothing about the job: Slurm does not answer."""
_ADVICE = {
    "invalid partition": "There is no partition '{partition}' on this cluster. Available: {partitions}.",
    "Invalid partition": "There is no partition '{partition}' on this cluster. Available: {partitions}.",
    "Invalid account": "Account '{account}' does not exist, or you may not use it in partition '{partition}'.",
    "Invalid qos": "Quality of service '{qos}' does not exist, or your account may not use it.",
    "Invalid feature": "No node has the features of constraint='{constraint}'. Those of each: sinfo -o '%N %f'.",
    "Invalid generic resource": "The cluster has no such GPUs. Those that it has: sinfo -o '%N %G'.",
    "Invalid --time": "time='{time}' is no time. Use '30' (minutes), '12:00:00', or '1-00:00:00' with days.",
    "time limit is invalid": "time='{time}' is longer than the partition allows. Its limit: sinfo -o '%P %l'.",
    "Memory specification": "No node has that much memory (memory='{memory}'). What each has: sinfo -o '%N %m'.",
    "Invalid --mem": "memory='{memory}' is no size. Use '8G', or '500M'.",
    "node configuration is not available": "The cluster has no nodes with all that is requested together, or those "
    "that have it are down. What each has: sinfo -o '%N %t %c %m %G %f'.",
    "More processors requested": "The run requests more cores than the partition has.",
    "Node count specification": "The run requests more nodes than the partition has.",
    "reservation is invalid": "Reservation '{reservation}' does not exist, or you may not use it.",
    "unrecognized option": "sbatch does not know one of the directives.",
}


class Waiting(NamedTuple):
    """A run that is ready for the queue.

    Attributes:
        token: names this submit.
        spec: what to run.
        command: what its job runs.
        requeue: how often Slurm may put it back into the queue.
    """

    token: str
    spec: RunSpec
    command: JobCommand
    requeue: int


class SlurmCommands:
    """A cluster, as its commands show it.

    Args:
        machine: has the commands, and the run directories.
        name: of the target, for messages.
        options: of the target.

    Attributes:
        machine: as given.
        options: as given.
    """

    def __init__(self, machine: Machine, name: str, options: Mapping[str, Any]) -> None:
        self.machine = machine
        self._name = name
        self.options = options
        self._largest: int | None = None

    def prove(self) -> None:
        """Have Slurm check a job with the target's options; if a node is free at once, have it look for what runs need.

        Raises:
            UserErrorException: Slurm cannot be used from here, refuses such a job, or the node lacks something.
        """
        try:
            pairs = directives("prove", RunSpec("prove"), self.options, "/dev/null")
            self._sbatch(pairs, script(pairs, ("true",)), "--test-only")
        except MachineUnreachableException as error:
            raise UserErrorException(
                f"Target '{self._name}' cannot be used now: {error.message} Once 'sinfo' lists the cluster's "
                "partitions there, attach it again."
            ) from error

        self._prove_node()

    def _prove_node(self) -> None:
        pairs = directives("prove", RunSpec("prove"), {**self.options, "directives": {}}, "")
        wanted = [f"--{name}={value}" if value is not True else f"--{name}" for name, value in pairs if name in _PROVEN]
        facts = self.machine.facts()
        if kind := self.options.get("mpi"):
            wanted.append(f"--mpi={kind}")
        command = ["sh", "-c", _LOOK, "sh", facts["runs"], facts["interpreter"]]
        argv = ["sh", "-c", _without(pairs) + _PROVE, "srun", *wanted, "--job-name=trainshed-check", *command]
        try:
            done = self.machine.run(argv, seconds=_SECONDS)
        except ServiceException:
            return  # it has taken too long, so the first run will find out
        if "Invalid MPI type" in done.err:
            listed = self.machine.run(["srun", "--mpi=list"], seconds=_SECONDS)
            known = [each for each in (listed.out + listed.err).split()[4:] if each != kind and ":" not in each]
            raise UserErrorException(
                f"srun of target '{self._name}' cannot start MPI by mpi='{kind}'. Listed besides: {', '.join(known)}."
            )
        told = not_usable(f"A node of the cluster of target '{self._name}'", done.code)
        if told and "Unable to allocate" not in done.err:
            raise UserErrorException(told)

    def submit(self, run: Waiting) -> str:
        """Put a run into the queue, and return the id of its job.

        Raises:
            UserErrorException: Slurm refuses it.
        """
        made = self._directives(run.token, run, f"{run.command.run_dir}/{layout.SHIM_LOG}")
        return self._sbatch(made, script(made, run.command.argv)).strip().partition(";")[0]

    def _directives(self, name: str, run: Waiting, output: str) -> Directives:
        return directives(name, run.spec, {**self.options, "requeue": run.requeue}, output)

    def shape(self, run: Waiting) -> object:
        """Return what is equal for runs that can be in one array."""
        words = tuple(word for word in run.command.argv if word != run.command.run_dir)
        return self._directives("", run, ""), words

    def submit_array(self, name: str, runs: Sequence[Waiting], variable: str) -> str:
        """Put an array into the queue, each task of which is a run.

        Args:
            name: of the array.
            runs: alike, by :meth:`shape`.
            variable: environment variable of a job with its id.

        Returns:
            Its id.

        Raises:
            UserErrorException: Slurm refuses it.
        """
        first, paths = runs[0], [run.command.run_dir for run in runs]
        noted = self._run(["sh", "-c", _NOTE, "sh", name, layout.SLURM_ARRAY], "".join(f"{path}\n" for path in paths))
        if noted.code:
            raise MachineUnreachableException(f"Run directories cannot be written: {noted.err.strip()}")
        made = self._directives(name, first, "/dev/null")
        text = array_script(made, first.command.argv, paths, variable, layout.SHIM_LOG)
        return self._sbatch((*made, ("array", "")), text).strip().partition(";")[0]

    def largest_array(self) -> int:
        """Return how many tasks an array of this cluster may have; 0 if there are no arrays."""
        if self._largest is None:
            told = re.search(
                r"^MaxArraySize\s*=\s*(\d+)", self._run([*_plain(), "scontrol", "show", "config"]).out, re.M
            )
            self._largest = int(told[1]) if told else 0
        return self._largest

    def _sbatch(self, pairs: Directives, text: str, *more: str) -> str:
        done = self._run(
            ["sh", "-c", _without(pairs) + _SUBMIT, "sbatch", *more], text
        )  # few processes: each takes time
        if done.code:
            raise UserErrorException(self._refusal(done.err))
        return done.out

    def _refusal(self, said: str) -> str:
        """Return in a sentence why sbatch has refused a job."""
        lines = [line.partition("error: ")[2] or line for line in said.strip().splitlines()]
        last = (lines or ["it does not say why"])[-1].removeprefix("Batch job submission failed: ").rstrip(". ")
        advice = next((text for words, text in _ADVICE.items() if words in said), "")
        if "{partitions}" in advice:
            told = self.machine.run(["sinfo", "--noheader", "--format=%R"], seconds=_SECONDS)
            known = ", ".join(sorted(set(told.out.split()))) or "none"
            return advice.format(partition=self.options.get("partition", ""), partitions=known)
        shown = {name: self.options.get(name, "") for name in ("partition", "account", "qos", "constraint", "time")}
        more = {name: self.options.get(name, "") for name in ("memory", "reservation")}
        return f"Slurm refuses the job of target '{self._name}': {last}. {advice.format(**shown, **more)}".rstrip()

    def queue(self) -> dict[str, SlurmJob]:
        """Return all jobs of this user that Slurm remembers, by their ids: one question for all."""
        return of_squeue(self._squeue("--states=all"))

    def named(self, token: str) -> list[SlurmJob]:
        """Return the jobs with a name that Slurm remembers, oldest first."""
        return sorted(
            of_squeue(self._squeue("--states=all", f"--name={token}")).values(),
            key=lambda job: [*map(int, job.id.split("_"))],
        )

    def _squeue(self, *arguments: str) -> str:
        argv = [*_plain(_FILTERS), "squeue", "--me", "--array", "--noheader", f"--format={FORMAT}", *arguments]
        done = self._run(argv)
        if done.code:
            raise MachineUnreachableException(f"squeue of target '{self._name}' failed: {done.err.strip()}")
        return done.out

    def job(self, job_id: str) -> SlurmJob | None:
        """Return a job with its exit code, or None if Slurm says that it does not know it any more."""
        done = self._run([*_plain(), "scontrol", "--oneliner", "show", "job", job_id])
        if done.code == 0 and "JobId=" in done.out:
            return of_scontrol(done.out)._replace(id=job_id)  # what a task of an array is called shows where it is
        if "Invalid job id" in done.err:
            return None
        if "_" in job_id and "not found" in done.out + done.err:
            return SlurmJob(job_id, CANCELLED, "", "", "", "")  # nothing remains of a task that was cancelled early
        raise MachineUnreachableException(
            f"scontrol of target '{self._name}' does not say what became of job {job_id}."
        )

    def accounted(self, ids: Iterable[str]) -> dict[str, SlurmJob]:
        """Return what the accounting knows of jobs that Slurm itself has forgotten; nothing where there is none."""
        chosen = ",".join(ids)
        argv = [
            *_plain(), "sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={chosen}",
            "--format=JobID,State,ExitCode,NodeList",
        ]  # fmt: skip
        try:
            done = self.machine.run(argv, seconds=_SECONDS)
        except ServiceException:
            return {}
        return of_sacct(done.out) if done.code == 0 else {}

    def cancel(self, ids: Sequence[str], waiting: Collection[str] = ()) -> None:
        """End jobs: those that wait at once, and of those that run the supervisors, which end all the rest.

        Args:
            ids: of the jobs.
            waiting: tasks of arrays among them that wait: asked for one of those by its state, scancel cancels all.
        """
        others = [job_id for job_id in ids if job_id not in waiting]
        jobs = [job_id for job_id in others if "_" not in job_id]
        # Asked for tasks, it goes on until what they are in is clear, long after it has told them.
        tell = ("timeout", str(_TELLING_SECONDS), "scancel", "--batch", "--signal=TERM")
        for how, some in ((("scancel", "--state=PENDING"), jobs), (tell, others), (("scancel",), list(waiting))):
            for start in range(0, len(some), _AT_ONCE):
                self._run([*_plain(), *how, *some[start : start + _AT_ONCE]])

    def kill(self, job_id: str) -> None:
        """End a job at once, whatever it does."""
        self._run([*_plain(), "scancel", job_id])

    def _run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand:
        """Run a command.

        Raises:
            MachineUnreachableException: Slurm does not answer.
        """
        try:
            done = self.machine.run(argv, stdin=stdin, seconds=_SECONDS)
        except MachineUnreachableException:
            raise
        except ServiceException as error:
            raise MachineUnreachableException(error.message) from error
        if done.code == 127 or (done.code == 126 and not done.out):
            missing = done.err.strip().splitlines()[-1:] or ["Slurm's commands were not found"]
            host = self.machine.facts()["host"]
            raise MachineUnreachableException(f"Slurm's commands are not on the PATH of {host} ({missing[0]}).")
        if done.code and any(words in done.err for words in _PASSING):
            raise MachineUnreachableException(f"Slurm does not answer: {done.err.strip().splitlines()[-1]}.")
        return done


def _without(pairs: Directives) -> str:
    return f"unset {' '.join(unset(pairs))}; "


def _plain(without: Iterable[str] = ()) -> list[str]:
    """Return what runs a command in English, with times as we read them, and without some variables."""
    return ["env", *(f"--unset={name}" for name in without), "LC_ALL=C", "SLURM_TIME_FORMAT=standard"]
