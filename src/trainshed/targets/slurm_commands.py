"""The commands of Slurm: sbatch, squeue, scancel, scontrol and sacct, run on the machine that has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trainshed.errors import MachineUnreachableException, ServiceException, UserErrorException
from trainshed.machines.machine import CompletedCommand, Machine
from trainshed.spec.run import RunSpec
from trainshed.targets.slurm_script import Directives, directives, script, unset
from trainshed.targets.slurm_states import FORMAT, NOT_SHARED, SlurmJob, not_usable, of_sacct, of_scontrol, of_squeue

_SECONDS = 30.0
_AT_ONCE = 500
"""Job ids on one command line."""
_FILTERS = tuple(
    f"SQUEUE_{name}"
    for name in ("ACCOUNT", "ARRAY", "LICENSES", "NAMES", "PARTITION", "QOS", "SORT", "STATES", "USERS")
)
"""What a user's environment must not take away from the answers of squeue."""
_AS_OF_NO_JOB = (
    # What the service has inherited from a job of its own would describe that job.
    "for name in $(env | sed -n 's/^\\(SLURM_[A-Z0-9_]*\\)=.*/\\1/p'); do "
    '[ "$name" = SLURM_CONF ] || unset "$name"; done; '
)
_SUBMIT = f'{_AS_OF_NO_JOB}exec sbatch --parsable "$@"'
_PROVE = f'{_AS_OF_NO_JOB}exec srun --immediate=5 --quiet "$@"'
_LOOK = f'[ -d "$1" ] || exit {NOT_SHARED}; exec "$2" -S -E -c ""'
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
        command = ["sh", "-c", _LOOK, "sh", facts["runs"], facts["interpreter"]]
        argv = [*_plain(unset(pairs)), "sh", "-c", _PROVE, "srun", *wanted, "--job-name=trainshed-check", *command]
        try:
            done = self.machine.run(argv, seconds=_SECONDS)
        except ServiceException:
            return  # it has taken too long, so the first run will find out
        told = not_usable(f"A node of the cluster of target '{self._name}'", done.code)
        if told and "Unable to allocate" not in done.err:
            raise UserErrorException(told)

    def submit(self, token: str, spec: RunSpec, output: str, command: Sequence[str], requeue: int = 0) -> str:
        """Put a job into the queue.

        Args:
            token: names it.
            spec: what to run.
            output: file for what goes wrong before the run can say so itself.
            command: what the job runs.
            requeue: how often Slurm may put it back into the queue.

        Returns:
            Its id.

        Raises:
            UserErrorException: Slurm refuses it.
        """
        options = {**self.options, "requeue": requeue}
        text = script(made := directives(token, spec, options, output), command)
        return self._sbatch(made, text).strip().partition(";")[0]

    def _sbatch(self, pairs: Directives, text: str, *more: str) -> str:
        done = self._run([*_plain(unset(pairs)), "sh", "-c", _SUBMIT, "sbatch", *more], text)
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
        return sorted(of_squeue(self._squeue("--states=all", f"--name={token}")).values(), key=lambda job: int(job.id))

    def _squeue(self, *arguments: str) -> str:
        argv = [*_plain(_FILTERS), "squeue", "--me", "--noheader", f"--format={FORMAT}", *arguments]
        done = self._run(argv)
        if done.code:
            raise MachineUnreachableException(f"squeue of target '{self._name}' failed: {done.err.strip()}")
        return done.out

    def job(self, job_id: str) -> SlurmJob | None:
        """Return a job with its exit code, or None if Slurm says that it does not know it any more."""
        done = self._run([*_plain(), "scontrol", "--oneliner", "show", "job", job_id])
        if done.code == 0 and "JobId=" in done.out:
            return of_scontrol(done.out)
        if "Invalid job id" in done.err:
            return None
        raise MachineUnreachableException(
            f"scontrol of target '{self._name}' does not say what became of job {job_id}."
        )

    def accounted(self, ids: Iterable[str]) -> dict[str, SlurmJob]:
        """Return what the accounting knows of jobs that Slurm itself has forgotten; nothing where there is none."""
        chosen = ",".join(ids)
        argv = [
            *_plain(), "sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={chosen}",
            "--format=JobIDRaw,State,ExitCode,NodeList",
        ]  # fmt: skip
        try:
            done = self.machine.run(argv, seconds=_SECONDS)
        except ServiceException:
            return {}
        return of_sacct(done.out) if done.code == 0 else {}

    def cancel(self, ids: Sequence[str]) -> None:
        """End jobs: those that wait at once, and of those that run the supervisors, which end all the rest."""
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            for how in (("--state=PENDING",), ("--batch", "--signal=TERM")):
                self._run([*_plain(), "scancel", *how, *some])

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


def _plain(without: Iterable[str] = ()) -> list[str]:
    """Return what runs a command in English, with times as we read them, and without some variables."""
    return ["env", *(f"--unset={name}" for name in without), "LC_ALL=C", "SLURM_TIME_FORMAT=standard"]
