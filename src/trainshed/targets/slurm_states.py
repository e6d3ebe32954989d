"""What Slurm says of a job, and what that means for its run: pure functions."""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST, PENDING, Observation

FORMAT = "%i|%T|%r|%S|%N|%j"
"""For ``squeue --format``: the fields of :class:`SlurmJob`, in order."""
NOT_ACCEPTED, NOT_SHARED, NOT_AGAIN = 75, 74, 76
"""Exit codes of ``node/slurm_job.py``: it was not told that its job may start the run; there is no run directory; its
job was requeued once more than it may be, or after the run had ended."""
_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
_GOING = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"})
_PREPARES = "CONFIGURING"
COMPLETING, COMPLETED, CANCELLED = "COMPLETING", "COMPLETED", "CANCELLED"
_NEVER = "It will not start as it is: cancel it, and change the target or the run."
_REASONS = {
    "None": "Slurm has not looked at the job yet.",
    "Priority": "Jobs with a higher priority come first.",
    "Resources": "It waits until enough nodes are free.",
    "Dependency": "It waits for another job.",
    "BeginTime": "Its earliest start has not come yet.",
    "JobHeldUser": "The job is held; to let it go on: scontrol release.",
    "JobHeldAdmin": "An administrator holds the job.",
    "Reservation": "It waits for its reservation.",
    "Licenses": "It waits for a licence.",
    "ReqNodeNotAvail": "A node that it needs is not available; it may be down, or reserved for maintenance.",
    "PartitionDown": "The partition is down.",
    "PartitionInactive": "The partition is inactive.",
    "PartitionConfig": f"The partition does not have what it requests. {_NEVER}",
    "PartitionNodeLimit": f"It requests more nodes than the partition allows, or has. {_NEVER}",
    "PartitionTimeLimit": f"Its time limit is longer than the partition allows. {_NEVER}",
    "BadConstraints": f"No node has what it requests. {_NEVER}",
    "InvalidAccount": f"Its account does not exist. {_NEVER}",
    "InvalidQOS": f"Its quality of service (qos) does not exist. {_NEVER}",
}
_FAILURES = {
    "NODE_FAIL": ("node_fail", "A node of the run failed ({nodes}), so Slurm ended its job {id}. Submit it again."),
    "BOOT_FAIL": ("node_fail", "A node of the run could not be booted ({nodes}), so Slurm ended its job {id}."),
    "OUT_OF_MEMORY": (
        "oom",
        "Slurm ended job {id} because it used more memory than it had requested (attach the target with memory='…').",
    ),
    "TIMEOUT": (
        "time_limit",
        "Slurm ended job {id} at its time limit (attach the target with time='…', if the partition allows more).",
    ),
    "DEADLINE": ("time_limit", "Slurm ended job {id} at its deadline."),
    "PREEMPTED": ("preempted", "Slurm took the nodes of job {id} for a job of higher priority. Submit the run again."),
    CANCELLED: (
        "canceled_by_admin",
        "Job {id} was cancelled in Slurm and not by Trainshed: by an administrator, or with scancel.",
    ),
}
_MAY_BE_MENDED = frozenset({"host_lost", "signal", "rank_failed"})
"""Reasons of a shim that has seen a signal, of whose sender it knows nothing; those told beforehand have a notice."""


class SlurmJob(NamedTuple):
    """One line of squeue.

    Attributes:
        id: the job's.
        state: in Slurm's words, such as ``"PENDING"``.
        reason: why it is pending, in Slurm's words.
        start: when it started or is expected to; ``"N/A"`` if that is not known.
        nodes: its nodes, as Slurm writes them.
        name: the job's.
        code: its exit code, or 128 and the number of a signal; None if that was not asked for.
    """

    id: str
    state: str
    reason: str
    start: str
    nodes: str
    name: str
    code: int | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing of it runs yet."""
        return self.state in _WAITING or self.state == _PREPARES

    @property
    def goes_on(self) -> bool:
        """Whether Slurm has not ended it."""
        return self.waits or self.state in _GOING


def of_squeue(text: str) -> dict[str, SlurmJob]:
    """Return the jobs that squeue has listed in :data:`FORMAT`.

    Example:
        >>> of_squeue("7|PENDING|Resources|N/A||train_1.1")["7"].reason
        'Resources'
    """
    found = {}
    for line in text.splitlines():
        fields = line.split("|", 5)
        if len(fields) == 6:
            job_id, state, reason, start, nodes, name = fields
            found[job_id] = SlurmJob(job_id, state, reason, start, nodes, name)
    return found


def of_scontrol(text: str) -> SlurmJob:
    """Return the job that ``scontrol --oneliner show job`` has shown.

    Example:
        >>> job = of_scontrol("JobId=7 JobName=train_1.1 JobState=FAILED Reason=None ExitCode=127:0 NodeList=n1")
        >>> job.state, job.code, job.nodes
        ('FAILED', 127, 'n1')
    """
    found = dict(re.findall(r"\b(JobId|JobName|JobState|Reason|StartTime|ExitCode|NodeList)=(\S*)", text))
    names = ("JobId", "JobState", "Reason", "StartTime", "NodeList", "JobName")
    job_id, state, reason, start, nodes, name = (found.get(each, "") for each in names)
    return SlurmJob(job_id, state, reason, start, nodes, name, _code(found.get("ExitCode", "")))


def _code(text: str) -> int | None:
    """Return an exit code that Slurm writes as ``CODE:SIGNAL``."""
    code, _, number = text.partition(":")
    if not (code.isdigit() and number.isdigit()):
        return None
    return int(code) or (128 + int(number) if int(number) else 0)


def of_sacct(text: str) -> dict[str, SlurmJob]:
    """Return the jobs that ``sacct --parsable2 --format=JobID,State,ExitCode,NodeList`` has listed.

    Example:
        >>> of_sacct("7|CANCELLED by 0|0:15|n1")["7"].state
        'CANCELLED'
    """
    found = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 4 and fields[1]:
            name, state, code, nodes = fields
            found[name] = SlurmJob(name, state.split()[0], "", "", nodes, "", _code(code))
    return found


def pending(job: SlurmJob) -> Observation:
    """Return what is seen of a run whose job waits, with the reason in a sentence."""
    word = job.reason.strip("()").partition(",")[0]
    said = _REASONS.get(word, "")
    text = "Slurm prepares its nodes." if job.state == _PREPARES else said or f"Slurm's reason: {word}."
    shown = f"{text} ({word})" if said and word != "None" else text
    start = "" if job.start in ("", "N/A") else f" Estimated start: {job.start.replace('T', ' ')}."
    return Observation(PENDING, reason=f"Slurm job {job.id}: {shown}{start}")


def may_be_corrected(exit_record: dict[str, Any]) -> bool:
    """Tell whether Slurm may know better than the shim how a run ended."""
    sent = exit_record.get("reason") in _MAY_BE_MENDED or "notice" in exit_record
    return exit_record.get("outcome") == "failed" and sent


def corrected(exit_record: dict[str, Any], job: SlurmJob | None) -> dict[str, Any]:
    """Return how a run ended, where Slurm knows who has ended it.

    Args:
        exit_record: as the shim has written it.
        job: its job, if Slurm knows it.
    """
    told = _told(job) if job is not None else None
    return {**exit_record, **told} if told is not None and may_be_corrected(exit_record) else exit_record


def _told(job: SlurmJob) -> dict[str, Any] | None:
    if job.state not in _FAILURES:
        return None
    reason, text = _FAILURES[job.state]
    outcome = "canceled" if reason == "canceled_by_admin" else "failed"
    message = text.format(id=job.id, nodes=job.nodes or "it is not known which")
    return {"outcome": outcome, "reason": reason, "message": message, "witness": "slurm"}


def without_exit(seen: Observation, job: SlurmJob) -> Observation:
    """Return what is known of a run that has ended and not said how.

    Args:
        seen: what its run directory shows.
        job: its job, which Slurm has ended, with its exit code.
    """
    if seen.exit:
        return seen._replace(rebooted=False)  # the script had ended before
    told = _told(job)
    claimed = seen.state != ABSENT
    if told is None and not claimed:
        if job.code in (0, NOT_ACCEPTED):
            return Observation(ABSENT)
        told = {"outcome": "failed", "reason": "start_failed", "message": _not_started(job), "witness": "slurm"}
    if told is None and job.code == NOT_AGAIN:
        message = f"Slurm ended job {job.id} and requeued it more often than the target allows (requeue)."
        told = {"outcome": "failed", "reason": "node_fail", "message": message, "witness": "slurm"}
    if told is None:
        end = "ended with its job" if job.code is None else f"ended with exit code {job.code}"
        return Observation(LOST, reason=f"{end} (Slurm job {job.id}, {job.state})")
    how = {**told, "phase": "Running" if claimed else "Preparing", "time": time.time()}
    return Observation(ENDED, {**how, "exit_code": None, "signal": None})


def not_usable(who: str, code: int | None) -> str:
    """Return why a node cannot run anything of ours, as a sentence; ``""`` if a program's exit code does not tell that.

    Args:
        who: a job or a node.
        code: the exit code.
    """
    if code == NOT_SHARED:
        return (
            f"{who} did not find the folder of the run directories. It must be on a file system that all nodes share. "
            "If the folder of the workspace is not, attach the target with folder='…', a folder that is."
        )
    if code in (126, 127):
        return (
            f"{who} could not start Trainshed's Python. It must be at the same path on every node, for example in a "
            "home folder that all nodes share."
        )
    return ""


def _not_started(job: SlurmJob) -> str:
    where = f"Slurm job {job.id} on {job.nodes or 'its node'}"
    told = not_usable(where, NOT_SHARED if job.reason == "JobLaunchFailure" else job.code)
    if told:
        return told
    return f"{where} ended as {job.state} (exit code {job.code}) before it had started the run. See shim.log."


def gone(seen: Observation, native_id: str) -> Observation:
    """Return what is known of a run whose job Slurm does not know any more.

    Args:
        seen: what its run directory shows.
        native_id: the job's id.
    """
    if seen.state != LOST:
        return seen
    how = f"has ended without a record, and Slurm no longer knows its job {native_id}"
    return Observation(LOST, seen.exit, False, how)


def lives(seen: Observation, job: SlurmJob) -> bool:
    """Tell whether a run whose job is being ended goes on, or at least how it has ended will only be known then."""
    known = seen.state == ENDED and not may_be_corrected(seen.exit)
    return seen.state == ALIVE or (job.state == COMPLETING and not known)
